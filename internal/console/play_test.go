package console

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

func TestPlayShowsWhatTheClientSaw(t *testing.T) {
	d := newDesk(t)
	_, ended, _ := d.some()
	out, errs, code := d.run("sessions", "play", ended.ID, "--speed", "1000")
	if code != 0 || !strings.Contains(out, "one\ntwo\n") {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
}

// Pauses last as long as they lasted, divided by the speed, and no longer than asked for.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := pacer{speed: 2, idle: 4 * time.Second}
		for _, at := range []time.Duration{time.Second, time.Minute, time.Minute} {
			must(t, p.wait(t.Context(), at))
		}
		if got, want := time.Since(began), 2500*time.Millisecond; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
	})
}

// Tail shows the past and then what comes, and ends when q is pressed.
func TestTailEndsOnAKey(t *testing.T) {
	d := newDesk(t)
	live, _, _ := d.some()
	keys, press := io.Pipe()
	out := &watched{want: "hello", seen: make(chan struct{})}
	done := make(chan int)
	go func() {
		done <- d.Run(context.Background(), ann, []string{"sessions", "tail", live.ID}, Streams{In: keys, Out: out, Err: out, PTY: true})
	}()
	<-out.seen
	_, err := press.Write([]byte("xq"))
	must(t, err)
	if code := <-done; code != 0 {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// watched is a buffer that says when a text has come.
type watched struct {
	bytes.Buffer
	want string
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	before := strings.Contains(w.String(), w.want)
	n, err := w.Buffer.Write(p)
	if !before && strings.Contains(w.String(), w.want) {
		close(w.seen)
	}
	return n, err
}

// JSON events carry every byte: text where it is text, base64 where it is not.
func TestExportJSONIsExact(t *testing.T) {
	d := newDesk(t)
	s := d.add(store.Session{Identity: "agent:a", Target: "t", State: store.Ended, Started: d.now}, policy.Decision{Verdict: policy.Allow}, "a\xffb")
	out, _, _ := d.run("sessions", "export", "-f", "json", s.ID)
	if !strings.Contains(out, `"base64":"Yf9i"`) || !strings.Contains(out, `"code":"d"`) {
		t.Errorf("%s", out)
	}
}
