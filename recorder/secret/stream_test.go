package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

var screen = recorder.Header{PTY: true, Cols: 40, Rows: 10}

func outputs(pieces ...string) []recorder.Event {
	var out []recorder.Event
	for i, p := range pieces {
		out = append(out, recorder.Event{At: time.Duration(i) * time.Second, Code: recorder.Output, Data: []byte(p)})
	}
	return out
}

// sequenceOf yields events, and then err if there is one.
func sequenceOf(list []recorder.Event, err error) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(recorder.Event{}, err)
		}
	}
}

// scanned applies Scan to events; streamed is what Mask makes of them. Both must agree and keep every length.
func scanned(t *testing.T, d *Detector, h recorder.Header, list []recorder.Event) []recorder.Event {
	t.Helper()
	hits, err := d.Scan(h, sequenceOf(list, nil))
	if err != nil {
		t.Fatal(err)
	}
	var out []recorder.Event
	for i, e := range list {
		was := bytes.Clone(e.Data)
		e.Data = Apply(hits, i, e.Data)
		if !bytes.Equal(list[i].Data, was) || len(e.Data) != len(was) {
			t.Fatalf("event %d was rewritten or its length changed", i)
		}
		out = append(out, e)
	}
	i := 0
	for e, err := range d.Mask(h, sequenceOf(list, nil)) {
		if err != nil || e.Code != out[i].Code || e.At != out[i].At || !bytes.Equal(e.Data, out[i].Data) {
			t.Fatalf("event %d: Mask gives %q, Scan and Apply %q (%v)", i, e.Data, out[i].Data, err)
		}
		i++
	}
	if i != len(list) {
		t.Fatalf("Mask gave %d events of %d", i, len(list))
	}
	return out
}

func shown(list []recorder.Event) string {
	var b strings.Builder
	for _, e := range list {
		b.Write(e.Data)
	}
	return b.String()
}

// bare is text without what a terminal does not show, so that pieces of a secret would be found in it.
func bare(s string) string {
	return strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "", "\x1b[K", "", "\r\n", "", " \r", "", "\b", "", "\x1b[2;1H", "").Replace(s)
}

func inserted(s, with string, every int) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%every == 0 {
			b.WriteString(with)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestSecretsInStreams(t *testing.T) {
	d := detector(t)
	for _, s := range samples() {
		line := "x " + s.before + s.secret + s.after
		half := len(line) - len(s.after) - len(s.secret)/2
		for name, pieces := range map[string][]string{
			"one write":      {line + "\r\n"},
			"two writes":     {line[:half], line[half:] + "\r\n"},
			"byte by byte":   strings.Split(line+"\r\n", ""),
			"no end of line": {line},
			"coloured":       {"\x1b[31m" + inserted(line, "\x1b[0m\x1b[31m", 7) + "\x1b[0m\r\n"},
			"hard wrap":      {inserted(line, "\r\n", 40) + "\r\n"},
			"line editor":    {inserted(line, " \r", 40) + "\r\n"},
			"painted":        {inserted(line, "\x1b[2;1H", 40) + "\r\n"},
			"cut escape":     {line[:half] + "\x1b", "[3", "1m" + line[half:] + "\r\n"},
			"progress":       {"10%\r20%\r", "\r" + line + "\r30%\r\n"},
			"typed again":    {line[:half] + "Q\b" + line[half:] + "\r\n"},
		} {
			got := bare(shown(scanned(t, d, screen, outputs(pieces...))))
			if strings.Contains(got, s.secret) || strings.Contains(got, s.secret[:len(s.secret)/2]) || strings.Contains(got, s.secret[len(s.secret)/2:]) {
				t.Errorf("%s, %s: shown in %q", s.rule, name, got)
			}
			if !strings.Contains(got, "x "+s.before[:len(s.before)/2]) {
				t.Errorf("%s, %s: more than the secret is masked: %q", s.rule, name, got)
			}
		}
	}
}

func TestStreamsAreApart(t *testing.T) {
	d := detector(t)
	secret := "gh" + "p_" + draw(all62, 36)
	list := outputs("see "+secret[:20], secret[20:]+"\n")
	list = []recorder.Event{list[0], {Code: recorder.Stderr, Data: []byte("warning\n")}, {Code: recorder.Resize, Data: []byte(`{"cols":90,"rows":3}`)}, list[1]}
	got := shown(scanned(t, d, recorder.Header{}, list))
	if strings.Contains(got, secret[:20]) || strings.Contains(got, secret[20:]) || !strings.Contains(got, "warning") {
		t.Errorf("%q", got)
	}
}

func TestAFullRowByAccidentHidesNothing(t *testing.T) {
	d := detector(t)
	secret := "AK" + "IA" + draw(upper, 16)
	line := strings.Repeat("-", 40-len(secret)-1) + " " + secret
	got := shown(scanned(t, d, screen, outputs(line+"\r\n"+"abcdefgh and more\r\n")))
	if strings.Contains(got, secret) || !strings.Contains(got, " and more") {
		t.Errorf("%q", got)
	}
}

func TestStructuredEventsStayJSON(t *testing.T) {
	d := detector(t)
	for _, s := range samples() {
		for _, v := range []any{
			map[string]any{"line": s.before + s.secret + s.after, "plan": map[string]any{"op": "run", "argv": strings.Fields("echo " + s.before + s.secret + s.after)}},
			map[string]any{"verdict": "allow", "plan": map[string]any{"env": []map[string]string{{"name": "DB_PASSWORD", "value": s.secret}}}},
			map[string]any{"note": "é\t\u2028" + s.before + s.secret + s.after},
		} {
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			for _, code := range []recorder.Code{recorder.Command, recorder.Decision, recorder.Note, recorder.Kill} {
				got := scanned(t, d, screen, []recorder.Event{{Code: code, Data: raw}})[0].Data
				var back map[string]any
				if err := json.Unmarshal(got, &back); err != nil {
					t.Fatalf("%s: %v in %s", s.rule, err, got)
				}
				if secret, _ := json.Marshal(s.secret); bytes.Contains(got, secret[1:len(secret)-1]) {
					t.Errorf("%s: %s", s.rule, got)
				}
			}
		}
	}
}

func TestWordsOfAnArgvAreReadTogether(t *testing.T) {
	d := detector(t)
	got := string(scanned(t, d, screen, []recorder.Event{{Code: recorder.Decision, Data: []byte(`{"verdict":"deny","plan":{"argv":["/bin/x","--password","hunter22\u0041\n","last"]},"policy_hash":"sha256:ab"}`)}})[0].Data)
	if want := `{"verdict":"deny","plan":{"argv":["/bin/x","--password","**************\n","last"]},"policy_hash":"sha256:ab"}`; got != want {
		t.Errorf("%s", got)
	}
}

func TestOverlongLinesAreSeenAcrossTheCut(t *testing.T) {
	d := detector(t)
	secret := "gl" + "pat-" + draw(all62, 20)
	for _, at := range []int{maxLine - 30, maxLine - 10, maxLine - 1, maxLine, maxLine + 5, 3*maxLine - 12} {
		text := strings.Repeat(". ", at)[:at] + secret + strings.Repeat(" .", 2000)
		if got := shown(scanned(t, d, recorder.Header{}, outputs(text[:at+3], text[at+3:]))); strings.Contains(got, secret[6:]) {
			t.Errorf("at %d it is shown", at)
		}
	}
}

func TestTooManyHitsMaskEverythingAfter(t *testing.T) {
	d := detector(t)
	line := strings.Repeat("password=hunter2 ", 60) + "\n"
	var list []recorder.Event
	for range maxHits/60 + 50 {
		list = append(list, recorder.Event{Code: recorder.Output, Data: []byte(line)})
	}
	list = append(list, recorder.Event{Code: recorder.Output, Data: []byte("\x1b[31mplain\x1b[0m\n")}, recorder.Event{Code: recorder.Note, Data: []byte(`{"note":"plain"}`)})
	hits, err := d.Scan(recorder.Header{}, sequenceOf(list, nil))
	if err != nil || len(hits) > maxHits+1 {
		t.Fatalf("%d hits, %v", len(hits), err)
	}
	for i := range list {
		got := string(Apply(hits, i, list[i].Data))
		if strings.Contains(got, "hunter2") || strings.Contains(got, "plain") {
			t.Fatalf("event %d of %d: %q", i, len(list), got)
		}
	}
	if got := string(Apply(hits, len(list)-2, list[len(list)-2].Data)); got != "\x1b[31m*****\x1b[0m\n" {
		t.Errorf("%q", got)
	}
	if got := string(Apply(hits, len(list)-1, list[len(list)-1].Data)); got != `{"note":"*****"}` {
		t.Errorf("%q", got)
	}
}

func TestTornRecordingsAreMaskedToTheirEnd(t *testing.T) {
	d := detector(t)
	list := outputs("a\n", "password=hunter2")
	hits, err := d.Scan(recorder.Header{}, sequenceOf(list, io.ErrUnexpectedEOF))
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(hits) != 1 || hits[0].Event != 1 {
		t.Errorf("%+v, %v", hits, err)
	}
	var got []string
	for e, err := range d.Mask(recorder.Header{}, sequenceOf(list, io.ErrUnexpectedEOF)) {
		got = append(got, fmt.Sprintf("%s%v", e.Data, err))
	}
	if want := []string{"a\n<nil>", "password=*******<nil>", "unexpected EOF"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

func TestMaskHoldsLittle(t *testing.T) {
	d := detector(t)
	piece := strings.Repeat("x ", 32<<10)
	ahead, read := 0, 0
	events := func(yield func(recorder.Event, error) bool) {
		for range 200 {
			read++
			if !yield(recorder.Event{Code: recorder.Stderr, Data: []byte(piece)}, nil) {
				return
			}
		}
	}
	shown := 0
	for range d.Mask(recorder.Header{}, events) {
		shown++
		ahead = max(ahead, read-shown)
	}
	if shown != 200 || ahead*len(piece) > 2*maxHeld {
		t.Errorf("%d events, %d ahead", shown, ahead)
	}
}
