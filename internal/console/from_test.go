package console

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/internal/testrec"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
)

// A place in a recording is a time since its start or of the day; what is neither is a mistake.
func TestParseFrom(t *testing.T) {
	started := time.Date(2026, 11, 22, 23, 30, 10, 5e8, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "90s": 90 * time.Second, "1h2m": 62 * time.Minute, "23:30:10": 0, "23:30:12": 1500 * time.Millisecond, "00:10": 39*time.Minute + 49500*time.Millisecond,
		"2026-11-22T23:31:10Z": 59500 * time.Millisecond, "2026-11-23T00:31:10+01:00": 59500 * time.Millisecond, "2026-11-22T10:00:00Z": 0,
	} {
		if got, err := parseFrom(text, started); got != want || err != nil {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"-5s", "12", "25:00", "noon"} {
		if _, err := parseFrom(bad, started); ExitCode(err) != exitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// paced is a recording of a minute on a pty, with an event every ten seconds.
func (d *desk) paced(pty bool) store.Session {
	d.t.Helper()
	s := store.Session{ID: id.New(id.Session, d.now), Identity: "agent:a", Target: "web-1", Login: "deploy", Command: "top", State: store.Ended, PTY: pty,
		Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w, err := testrec.Create(d.dir, recorder.Header{Session: s.ID, Identity: s.Identity, Started: s.Started, PTY: pty, Cols: 40, Rows: 10})
	must(d.t, err)
	w.JSON(0, recorder.Command, map[string]any{"line": "top"})
	w.JSON(0, recorder.Decision, policy.Decision{Verdict: policy.Allow, Rules: []string{"web/allow[0]"}})
	for i, text := range []string{"zero\r\n", "\x1b[31mone\x1b[m\r\n", "\r10%", "\r50%", "\r100%\r\n", "last\r\n"} {
		w.Event(time.Duration(i)*10*time.Second, recorder.Output, []byte(text))
	}
	w.JSON(time.Minute, recorder.Exit, map[string]any{"status": 0})
	s.Recording, err = w.Close()
	must(d.t, err)
	must(d.t, d.store.Put(context.Background(), s))
	return s
}

// Playing from a moment draws the screen as it was, and goes on from there; without a pty it only leaves out what was before.
func TestPlayFrom(t *testing.T) {
	d := newDesk(t)
	s := d.paced(true)
	for _, from := range []string{"35s", "12:00:35"} {
		out, errs, code := d.run("sessions", "play", s.ID, "--speed", "1000", "--from", from)
		before, after, _ := strings.Cut(out, "50%")
		if code != 0 || !strings.Contains(before, "zero") || !strings.Contains(before, "31m") || !strings.Contains(after, "\r100%\r\nlast\r\n") || strings.Contains(out, "10%") {
			t.Errorf("from %s: exit %d %q %q", from, code, out, errs)
		}
	}
	if out, _, code := d.run("--json", "sessions", "play", s.ID, "--from", "45s"); code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "last") {
		t.Errorf("exit %d %q", code, out)
	}
	if out, _, _ := d.run("sessions", "play", d.paced(false).ID, "--speed", "1000", "--from", "35s"); strings.Contains(out, "50%") || !strings.HasSuffix(strings.TrimSuffix(out, "\x1b[0m\x1b[r\x1b[?25h\x1b[?1049l"), "\r100%\r\nlast\r\n") {
		t.Errorf("without a pty %q", out)
	}
	if out, _, code := d.run("sessions", "play", s.ID, "--speed", "1000", "--from", "2h"); code != 0 || !strings.Contains(out, "last") {
		t.Errorf("after its end: exit %d %q", code, out)
	}
	if _, errs, code := d.run("sessions", "play", s.ID, "--from", "soon"); code != exitUsage || !strings.Contains(errs, "--from") {
		t.Errorf("exit %d %q", code, errs)
	}
}

// The text of a session with a pty is what was seen: a progress bar is one line. Without one, every step is.
func TestTextExport(t *testing.T) {
	d := newDesk(t)
	out, _, _ := d.run("sessions", "export", "-f", "text", d.paced(true).ID)
	const want = `00:00:00.000 o zero
00:00:10.000 o one
00:00:40.000 o 100%
00:00:50.000 o last
00:01:00.000 x {"status":0}
`
	if !strings.HasSuffix(out, want) || !strings.HasPrefix(out, `00:00:00.000 c {"line":"top"}`) {
		t.Errorf("%s", out)
	}
	if out, _, _ := d.run("sessions", "export", "-f", "text", d.paced(false).ID); !strings.Contains(out, "o 50%") {
		t.Errorf("without a pty\n%s", out)
	}
}

// What a session's page says is the same from its index as from its recording.
func TestShowFromTheIndex(t *testing.T) {
	d := newDesk(t)
	_, ended, denied := d.some()
	for _, s := range []store.Session{ended, denied, d.paced(true)} {
		before, _, _ := d.run("--json", "sessions", "show", s.ID)
		x, err := index.Make(t.Context(), d.recorder, s.ID, d.cfg.Secrets, nil)
		must(t, err)
		d.cfg.Indexes = oneIndex{x}
		if after, _, _ := d.run("--json", "sessions", "show", s.ID); after != before {
			t.Errorf("%s\nwithout an index\n%s", after, before)
		}
		d.cfg.Indexes = nil
	}
}

type oneIndex struct{ *index.Index }

func (o oneIndex) Open(string, string) (*index.Index, error) { return o.Index, nil }
