package bastion

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/rawssh"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// printed is what a client was sent.
type printed struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

// TestDrain: while the door drains, what is live goes on, what is idle is closed, what is new is answered; it returns with the
// last connection, or when its time is over, and leaves what lives to Shutdown.
func TestDrain(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	idle, live := w.client("deploy@web-1", bot), w.client("deploy@web-1", bot)
	if out, _, status := exec(idle, "echo before"); status != 0 {
		t.Fatalf("%q, %d", out, status)
	}
	s, err := live.NewSession()
	w.must(err)
	var stderr printed
	s.Stderr = &stderr
	in, err := s.StdinPipe()
	w.must(err)
	out, err := s.StdoutPipe()
	w.must(err)
	w.must(s.Start("cat"))
	_, err = io.WriteString(in, "one\n")
	w.must(err)
	_, err = io.ReadFull(out, make([]byte, 4)) // it runs
	w.must(err)

	// 1. Its time is over: it is told, and lives.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	w.server.Drain(ctx, time.Minute)
	if ctx.Err() == nil {
		t.Fatal("the drain ended with a session that lives")
	}
	if err := idle.Wait(); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the idle connection: %v", err)
	}
	if _, err := w.dial("deploy@web-1", bot); err == nil {
		t.Error("a new connection is let in")
	}
	if _, text, status := exec(live, "echo new"); status != 75 || !strings.Contains(text, `"code":"stopping"`) {
		t.Errorf("a new command: %d, %q", status, text)
	}
	if _, err := live.Dial("tcp", "web-1:22"); err == nil || !strings.Contains(err.Error(), stopping) {
		t.Errorf("a new jump: %v", err)
	}
	if w.server.Live() != 1 {
		t.Errorf("%d sessions live", w.server.Live())
	}
	// 2. It ends by itself, and the connection with it: that ends the drain.
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		w.server.Drain(ctx, time.Minute)
		drained <- ctx.Err()
	}()
	_, err = io.WriteString(in, "two\n")
	w.must(err)
	w.must(in.Close())
	rest, err := io.ReadAll(out)
	if err != nil || string(rest) != "two\n" {
		t.Errorf("%q, %v", rest, err)
	}
	w.must(s.Wait())
	if err := <-drained; err != nil {
		t.Fatalf("the connection outlives its last channel: %v", err)
	}
	if err := live.Wait(); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("its connection: %v", err)
	}
	if n := strings.Count(stderr.String(), "gatehouse: Gatehouse is stopping; this session may go on for 1m0s\n"); n != 1 {
		t.Errorf("it was not told once: %q", stderr.String())
	}
}

// TestRemarkOnALineOfItsOwn: what the door adds to a session's stderr does not go into the middle of a line, and a client that does
// not read holds nothing up.
func TestRemarkOnALineOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		mid  bool
		want string
	}{{false, "gatehouse: x\n"}, {true, "\ngatehouse: x\n"}} {
		w := newWhole(t)
		client := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
		s, err := client.NewSession()
		w.must(err)
		var stderr printed
		s.Stderr = &stderr
		in, err := s.StdinPipe()
		w.must(err)
		out, err := s.StdoutPipe()
		w.must(err)
		w.must(s.Start("cat"))
		_, err = io.WriteString(in, "x")
		w.must(err)
		_, err = io.ReadFull(out, make([]byte, 1))
		w.must(err)
		ses := w.server.everything()[0]
		ses.midLine.Store(c.mid)
		ses.writing.Lock() // as a write does that waits for the client
		ses.remark("gatehouse: lost\n")
		ses.writing.Unlock()
		ses.remark("gatehouse: x\n")
		w.must(in.Close())
		w.must(s.Wait())
		if got := stderr.String(); got != c.want {
			t.Errorf("in the middle of a line %t: %q", c.mid, got)
		}
	}
}

// TestDrainWithAClientThatTakesNothing: a client that has never opened its window keeps the drain no longer than its time, and the
// others hear that the door stops.
func TestDrainWithAClientThatTakesNothing(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	shut, err := rawssh.Login(w.addr, "", "deploy@web-1", bot)
	w.must(err)
	defer shut.Close()
	ch, err := shut.OpenSession(1, 0)
	w.must(err)
	w.must(shut.Send(rawssh.Request(ch, "exec", true, rawssh.String("sleep 664"))))
	w.awaitRunning(w.session("sleep 664", store.Live).ID)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		w.server.Drain(ctx, time.Minute)
	}()
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Error("the drain waits for a client that takes nothing")
	}
	w.server.Shutdown(t.Context(), stopping)
	if got := w.session("sleep 664", store.Failed); got.Reason != stopping {
		t.Errorf("%+v", got)
	}
}
