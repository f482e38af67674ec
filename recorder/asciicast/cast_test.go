package asciicast

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

func events(list ...recorder.Event) func(func(recorder.Event, error) bool) {
	return func(yield func(recorder.Event, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func ev(at time.Duration, code recorder.Code, data string) recorder.Event {
	return recorder.Event{At: at, Code: code, Data: []byte(data)}
}

var testHeader = recorder.Header{
	Version: 1, Session: "ses_01KB0000000000000000000000", Identity: "agent:a", Login: "deploy", Target: "web-1",
	Started: time.Unix(1763800000, 0), Term: "xterm",
}

var sample = []recorder.Event{
	ev(0, recorder.Command, `{"line":"ls"}`),
	ev(100*time.Millisecond, recorder.Decision, `{"verdict":"deny","code":"not_allowed"}`),
	ev(500*time.Millisecond, recorder.Output, "a\nb\r\n\xe2\x82"),
	ev(1500*time.Millisecond, recorder.Stderr, "e\n"),
	ev(1500*time.Millisecond, recorder.Output, "\xac\xff\x1b[1m"),
	ev(2*time.Second, recorder.Input, "secret\n"),
	ev(12*time.Second, recorder.Resize, `{"cols":100,"rows":30}`),
	ev(12*time.Second, recorder.Resize, `{"cols":-1,"rows":30}`),
	ev(13*time.Second, recorder.Kill, `{"by":"person:ann"}`),
	ev(14*time.Second, recorder.Exit, `{"status":0}`),
}

func TestExport(t *testing.T) {
	const v3 = `{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"},"timestamp":1763800000,"title":"agent:a on deploy@web-1","x-gatehouse-session":"ses_01KB0000000000000000000000"}
[0.100000,"m","denied: not_allowed"]
[0.400000,"o","a\r\nb\r\n"]
[1.000000,"o","e\r\n"]
[0.000000,"o","€` + "\ufffd" + `\u001b[1m"]
[2.500000,"r","100x30"]
[1.000000,"m","killed by person:ann"]
[1.000000,"x","0"]
`
	const v2 = `{"version":2,"width":80,"height":24,"timestamp":1763800000,"title":"agent:a on deploy@web-1","env":{"TERM":"xterm"},"x-gatehouse-session":"ses_01KB0000000000000000000000"}
[0.100000,"m","denied: not_allowed"]
[0.500000,"o","a\r\nb\r\n"]
[1.500000,"o","e\r\n"]
[1.500000,"o","€` + "\ufffd" + `\u001b[1m"]
[2.000000,"i","secret\n"]
[12.000000,"r","100x30"]
[13.000000,"m","killed by person:ann"]
`
	for _, c := range []struct {
		v    Version
		opts Options
		want string
	}{{V3, Options{Idle: 2 * time.Second}, v3}, {V2, Options{Input: true}, v2}} {
		var out strings.Builder
		if err := Export(&out, c.v, testHeader, events(sample...), c.opts); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("version %d:\n%s\nwant\n%s", c.v, out.String(), c.want)
		}
	}
	if err := Export(&strings.Builder{}, 1, testHeader, events(), Options{}); err == nil {
		t.Error("version 1 was written")
	}
}

// record makes a real recording of random output and returns a reader of it.
func record(t *testing.T, n int, pty bool) *recorder.Reader {
	t.Helper()
	r, err := recorder.New(recorder.Config{Dir: t.TempDir(), Commit: func(context.Context, recorder.Chunk) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	h := testHeader
	h.PTY = pty
	rec, err := r.Open(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range n {
		text := fmt.Sprintf("%d %s€\n", i, strings.Repeat("x", rnd.IntN(300)))
		split := rnd.IntN(len(text))
		for _, part := range []string{text[:split], text[split:]} {
			if err := rec.Write(recorder.Output, []byte(part)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := rec.Close(t.Context(), recorder.End{State: "ended"}); err != nil {
		t.Fatal(err)
	}
	rd, err := r.Read(h.Session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rd.Close() })
	return rd
}

type castIndex struct {
	Version  int
	Duration json.Number
	Segments []struct {
		Start json.Number
		URL   string
	}
	Markers [][]any
}

type castSegment struct {
	Snapshot struct {
		Cols, Rows int
		Init       string
	}
	Events [][3]any
}

// The segments together are the whole recording, once; each begins at its start; its snapshot is what came before it.
func TestSegments(t *testing.T) {
	rd := record(t, 12_000, false)
	cast, err := Prepare(rd, Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cast.Index(func(n int) string { return fmt.Sprint(n) })
	if err != nil {
		t.Fatal(err)
	}
	var index castIndex
	if err := json.Unmarshal(raw, &index); err != nil || index.Markers == nil || len(index.Segments) < 4 {
		t.Fatalf("index %s: %v", raw, err)
	}
	var whole strings.Builder
	for i, s := range index.Segments {
		raw, err := cast.Segment(rd, i)
		if err != nil {
			t.Fatal(err)
		}
		var seg castSegment
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err := d.Decode(&seg); err != nil || len(seg.Events) == 0 {
			t.Fatalf("segment %d: %d events, %v", i, len(seg.Events), err)
		}
		if seg.Events[0][0] != s.Start || seg.Snapshot.Cols != 80 {
			t.Errorf("segment %d starts at %v, its first event is at %v", i, s.Start, seg.Events[0][0])
		}
		if init := seg.Snapshot.Init; !strings.HasSuffix(whole.String(), init) || len(init) > maxInit || (i > 0) != (len(init) > maxInit/2) {
			t.Errorf("segment %d: its snapshot of %d bytes is not what came before", i, len(init))
		}
		if i > 0 && seconds(cast.segments[i].start) <= seconds(cast.segments[i-1].start) {
			t.Errorf("segment %d does not start after the one before", i)
		}
		for _, e := range seg.Events {
			whole.WriteString(e[2].(string))
		}
		if last := seg.Events[len(seg.Events)-1][0]; i == len(index.Segments)-1 && last != index.Duration {
			t.Errorf("the last event is at %v, the duration is %v", last, index.Duration)
		}
	}
	var want strings.Builder
	if err := rd.SeekFrame(cast.segments[0].frame); err != nil {
		t.Fatal(err)
	}
	for e, err := range rd.Events() {
		if err != nil {
			t.Fatal(err)
		}
		want.Write(e.Data)
	}
	if got := strings.ReplaceAll(whole.String(), "\r\n", "\n"); got != want.String() {
		t.Errorf("the segments have %d bytes, the recording %d", len(got), want.Len())
	}
}

// A recording whose last event would begin a segment ends in the segment before: the player refuses one without length.
func TestNoSegmentWithoutLength(t *testing.T) {
	p := preparer{cast: &Cast{}, cols: 80, rows: 24}
	for i, at := range []time.Duration{0, time.Second, 2 * time.Second} {
		p.due = i != 1 // a segment at the first and at the last event
		p.event(event{at: at, code: 'o', data: "x"})
	}
	p.finish()
	if n := p.cast.Segments(); n != 1 || p.cast.duration != 2*time.Second {
		t.Errorf("%d segments, duration %s; want one of two seconds", n, p.cast.duration)
	}
	alone := preparer{cast: &Cast{}, due: true}
	alone.event(event{code: 'o', data: "x"})
	alone.finish()
	if n := alone.cast.Segments(); n != 1 {
		t.Errorf("a recording of one event has %d segments", n)
	}
}

// A snapshot keeps what can be seen, on both screens, and no more than its bound.
func TestScreen(t *testing.T) {
	for _, c := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"text", []string{"a\r\n", "b"}, "a\r\nb"},
		{"clear", []string{"gone", "\x1b[H\x1b[2Jhere"}, "\x1b[2Jhere"},
		{"alternate screen", []string{"shell$ ", "vim\r\n\x1b[?10", "49h~\r\n~"}, "shell$ vim\r\n" + enterAlt + "~\r\n~"},
		{"left again", []string{"shell$ \x1b[?1049h~\r\n\x1b[?1049lback"}, "shell$ back"},
		{"clear on the alternate screen", []string{"main\x1b[?1049hx\x1b[2Jyyyyyyyy"}, "main" + enterAlt + "\x1b[2Jyyyyyyyy"},
		{"long", []string{strings.Repeat(strings.Repeat("x", 99)+"\n", 5000)}, strings.Repeat(strings.Repeat("x", 99)+"\n", maxInit/100)},
	} {
		var s screen
		for _, p := range c.pieces {
			s.write(p)
		}
		if got := s.init(); got != c.want {
			t.Errorf("%s: %.80q (%d bytes), want %.80q (%d)", c.name, got, len(got), c.want, len(c.want))
		}
	}
}

// Played and real time map to each other across shortened pauses.
func TestTimeMap(t *testing.T) {
	c := Cast{}
	state := newTranslator(testHeader, Options{Idle: 2 * time.Second})
	for _, at := range []time.Duration{1, 2, 12, 13, 60, 61} {
		at *= time.Second
		state.next(ev(at, recorder.Output, "x"))
		if at-state.played > 0 && (len(c.pauses) == 0 || c.pauses[len(c.pauses)-1].cut != at-state.played) {
			c.pauses = append(c.pauses, pause{at, at - state.played})
		}
	}
	for real, played := range map[int]int{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 11: 4, 12: 4, 13: 5, 14: 6, 30: 7, 60: 7, 61: 8, 70: 17} {
		if got := c.Played(time.Duration(real) * time.Second); got != time.Duration(played)*time.Second {
			t.Errorf("real %d s is played %v, want %d s", real, got, played)
		}
	}
	for played, real := range map[int]int{0: 0, 2: 2, 3: 3, 4: 12, 5: 13, 7: 60, 8: 61} {
		if got := c.Real(time.Duration(played) * time.Second); got != time.Duration(real)*time.Second {
			t.Errorf("played %d s is real %v, want %d s", played, got, real)
		}
	}
}
