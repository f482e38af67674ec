package index

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// scribble records a screen that is written to in every way, in pieces that fall between bytes of one character or sequence.
func scribble(a *archive, n int, pty bool) string {
	a.t.Helper()
	rec := a.begin(recorder.Header{PTY: pty, Cols: 60, Rows: 20})
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range n {
		text := fmt.Sprintf("\x1b[3%dm%d %s€\x1b[0m\n", i%8, i, strings.Repeat("x", rnd.IntN(300)))
		switch rnd.IntN(40) {
		case 0:
			text = "\x1b[?1049h\x1b[2J\x1b[5;5Hvim"
		case 1:
			text = "\x1b[?1049l"
		case 2:
			text += "\x1b[3;10r"
		case 3:
			must(a.t, rec.Write(recorder.Resize, fmt.Appendf(nil, `{"cols":%d,"rows":%d}`, 20+rnd.IntN(100), 5+rnd.IntN(40))))
		}
		split := rnd.IntN(len(text))
		for _, part := range []string{text[:split], text[split:]} {
			if part != "" {
				must(a.t, rec.Write(recorder.Output, []byte(part)))
			}
		}
	}
	return a.finish(rec).Session
}

// The segments together are what is shown, once; each begins at its start, rising, with the screen as it was; the last event is
// at the duration. That is what the player insists on, whatever pauses are shortened to.
func TestSegments(t *testing.T) {
	a := newArchive(t)
	for _, pty := range []bool{true, false} {
		session := scribble(a, 8000, pty)
		rd := a.read(session)
		x, err := Make(t.Context(), a, session, nil, nil)
		must(t, err)
		for _, idle := range []time.Duration{0, time.Second, 5 * time.Second} {
			checkSegments(t, x, rd, x.Times(idle))
		}
		x, err = Make(t.Context(), a, session, detector(t), nil)
		must(t, err)
		checkSegments(t, x, rd, x.Times(0))
	}
}

func checkSegments(t *testing.T, x *Index, rd *recorder.Reader, times Times) {
	t.Helper()
	player := x.Player(times, strconv.Itoa)
	if len(player.Segments) < 3 || player.Markers == nil || player.Segments[0].Start != "0" {
		t.Fatalf("%d segments, markers %v", len(player.Segments), player.Markers)
	}
	term := vt.New(60, 20)
	whole, before := 0, -1.0
	for n := range player.Segments {
		seg := segmentOf(t, x, rd, n, times)
		first, err := seg.Events[0][0].(json.Number).Float64()
		must(t, err)
		if n > 0 && seg.Events[0][0] != player.Segments[n].Start || first <= before {
			t.Errorf("segment %d starts at %s, its first event is at %v, the segment before ends at %v", n, player.Segments[n].Start, first, before)
		}
		if want := term.Snapshot(); n > 0 && seg.Snapshot.Init != want {
			t.Errorf("segment %d: the screen is\n%.300q, want\n%.300q", n, seg.Snapshot.Init, want)
		}
		for _, e := range seg.Events {
			draw(t, term, e)
			at, err := e[0].(json.Number).Float64()
			must(t, err)
			if at < before {
				t.Fatalf("segment %d goes back from %v to %v", n, before, at)
			}
			before = at
		}
		whole += len(seg.text())
		if last := seg.Events[len(seg.Events)-1][0]; n == len(player.Segments)-1 && last != player.Duration {
			t.Errorf("the last event is at %v, the duration is %v", last, player.Duration)
		}
	}
	if want := shownBytes(t, x, rd); whole != want {
		t.Errorf("the segments show %d bytes, the recording %d", whole, want)
	}
}

func draw(t *testing.T, term *vt.Terminal, e [3]any) {
	t.Helper()
	if e[1] == "r" {
		cols, rows, _ := strings.Cut(e[2].(string), "x")
		c, err := strconv.Atoi(cols)
		must(t, err)
		r, err := strconv.Atoi(rows)
		must(t, err)
		term.Resize(c, r)
		return
	}
	_, _ = term.Write([]byte(e[2].(string)))
}

func shownBytes(t *testing.T, x *Index, rd *recorder.Reader) (n int) {
	t.Helper()
	must(t, rd.SeekFrame(x.Keyframes[0].Frame))
	screen := replay.NewScreen(x.Header().PTY)
	for e, err := range rd.Events() {
		must(t, err)
		n += len(screen.Text(e))
	}
	return n
}

// A recording whose last event would begin a segment ends in the segment before: the player refuses one without length.
func TestNoSegmentWithoutLength(t *testing.T) {
	big := strings.Repeat("x", segmentBytes)
	x := built(recorder.Header{}, Options{}, at(0, 'o', "a"), at(time.Second, 'o', big), at(2*time.Second, 'o', "b"))
	if x.Segments() != 1 || x.Shown != 2e6 {
		t.Errorf("%d segments until %d; want one of two seconds", x.Segments(), x.Shown)
	}
	if x = built(recorder.Header{}, Options{}, at(0, 'o', "x")); x.Segments() != 1 {
		t.Errorf("a recording of one event has %d segments", x.Segments())
	}
	if x = built(recorder.Header{}, Options{}, at(0, 'c', "{}"), at(0, 'i', "x")); x.Segments() != 0 {
		t.Errorf("a recording that shows nothing has %d segments", x.Segments())
	}
}

// Two events of one time are never on both sides of a keyframe.
func TestKeyframesKeepTimesApart(t *testing.T) {
	big := strings.Repeat("x", segmentBytes)
	x := built(recorder.Header{}, Options{}, at(1e9, 'o', big), at(1e9, 'o', "same"), at(1e9, 'o', "same"), at(2e9, 'o', "later"), at(3e9, 'o', "end"))
	if len(x.Keyframes) != 2 || x.Keyframes[1].At != 2e6 || x.Keyframes[1].Event != 3 {
		t.Errorf("%+v", x.Keyframes)
	}
}

// What is shown is masked by default: in segments, in the screens that they begin with, in events and in rows.
func TestSegmentsAreMasked(t *testing.T) {
	const known = "correct-horse-battery"
	a := newArchive(t)
	rec := a.begin(recorder.Header{PTY: true, Cols: 80, Rows: 24})
	must(t, rec.Write(recorder.Command, []byte(`{"line":"login `+known+`"}`)))
	fill := strings.Repeat("filler line\r\n", 8000)
	for range 8 {
		must(t, rec.Write(recorder.Output, []byte(fill)))
		for _, part := range []string{"it is \x1b[31mcorrect-ho", "rse-battery\x1b[0m yes\r\n"} {
			must(t, rec.Write(recorder.Output, []byte(part)))
		}
	}
	session := a.finish(rec).Session
	rd := a.read(session)
	var rows []string
	x, err := Make(t.Context(), a, session, detector(t), func(r Row) { rows = append(rows, r.Text) })
	must(t, err)
	masked := strings.Repeat("*", len(known))
	seen, inits := 0, ""
	for n := range x.Segments() {
		seg := segmentOf(t, x, rd, n, x.Times(0))
		inits += seg.Snapshot.Init
		seen += strings.Count(seg.text(), "\x1b[31m"+masked[:10]+masked[10:]+"\x1b[0m")
	}
	encoded, err := x.Encode()
	must(t, err)
	head, err := expand(encoded[len(magic)+5:len(encoded)-stored(x)], maxJSON)
	must(t, err)
	all := inits + strings.Join(rows, "\n") + string(head)
	for e := range x.Events() {
		all += string(e.Data)
	}
	if strings.Contains(all, known) || strings.Contains(all, "horse") || seen != 8 || strings.Count(all, masked) < 8 {
		t.Errorf("%d are masked in the segments; somewhere it shows: %v", seen, strings.Contains(all, "horse"))
	}
	plain, err := Make(t.Context(), a, session, nil, nil)
	must(t, err)
	if text := segmentOf(t, plain, rd, plain.Segments()-1, plain.Times(0)).text(); !strings.Contains(text, "rse-battery") {
		t.Error("unmasked it does not show")
	}
}

func stored(x *Index) (n int) {
	for _, s := range x.snapshots {
		n += len(s)
	}
	return n
}
