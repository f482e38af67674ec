package bastion

import (
	"context"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// breaking fails the newest recording while its session is decided.
type breaking struct {
	Gate
	Recorder

	mu   sync.Mutex
	last *recorder.Recording
}

func (b *breaking) Open(ctx context.Context, h recorder.Header) (*recorder.Recording, error) {
	rec, err := b.Recorder.Open(ctx, h)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = rec
	return rec, err
}

func (b *breaking) Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	d, err := b.Gate.Decide(ctx, in)
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.last.Write(recorder.Note, make([]byte, recorder.MaxEvent+1)) // which no recording takes
	return d, err
}

// TestNoDecisionWithoutItsRecord: what is allowed does not begin when its decision cannot be recorded any more, although there
// was a recording when it was asked for.
func TestNoDecisionWithoutItsRecord(t *testing.T) {
	w := newWholeWith(t, func(cfg *Config) {
		b := &breaking{Gate: cfg.Gate, Recorder: cfg.Recorder}
		cfg.Gate, cfg.Recorder = b, b
	})
	client := w.obligedTo("    allow: [sleep <int>]\n")
	defer client.Close()
	s, err := client.NewSession()
	w.must(err)
	var errs strings.Builder
	s.Stderr = &errs
	err = s.Run("sleep 63")
	exit, _ := err.(*ssh.ExitError)
	if exit == nil || exit.ExitStatus() != 75 || !strings.Contains(errs.String(), "so nothing runs") {
		t.Errorf("%v, %q", err, errs.String())
	}
	w.session("sleep 63", store.Failed)
}
