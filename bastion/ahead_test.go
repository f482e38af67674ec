package bastion

import (
	"io"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// waiting is a signer that never comes to sign: its certificate is shown and not proven.
type waiting struct {
	ssh.Signer
	until <-chan struct{}
}

func (w waiting) Sign(io.Reader, []byte) (*ssh.Signature, error) {
	<-w.until
	return nil, io.EOF
}

// Whoever shows a certificate without proving its key opens a few connections to a target, not as many as to the door; who
// proves it gets in all the same.
func TestShownCertificatesDialLittle(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	stop, left := make(chan struct{}), make(chan error)
	const shown = 2 * maxAhead
	for range shown {
		go func() {
			_, err := w.dial("deploy@web-1", waiting{bot, stop})
			left <- err
		}()
	}
	w.awaitAheads(maxAhead)
	if out, errs, status := exec(w.client("deploy@web-1", bot), "echo x"); out != "x\n" || status != 0 {
		t.Errorf("a proven client: %q, %q, %d", out, errs, status)
	}
	w.awaitAheads(maxAhead) // none more, by now
	close(stop)
	for range shown {
		if <-left == nil {
			t.Error("a certificate that was only shown opened the door")
		}
	}
	w.awaitAheads(0)
}

// awaitAheads waits until that many connections to web-1 are held for clients that are not proven; more is an error at once.
func (w *whole) awaitAheads(want int) {
	w.t.Helper()
	for range 500 {
		w.server.ahead.mu.Lock()
		open := w.server.ahead.open["web-1"]
		w.server.ahead.mu.Unlock()
		if open == want {
			return
		}
		if open > want && want > 0 {
			w.t.Fatalf("%d connections ahead, at most %d", open, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("not %d connections ahead", want)
}
