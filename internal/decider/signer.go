package decider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
)

// signerPause is the least time between two entries about one CA's key, however often it fails and recovers meanwhile.
const signerPause = 10 * time.Second

// signerFaults follows which CA keys cannot sign. The log learns of a change once, not of every request that it stops.
type signerFaults struct {
	now func() time.Time

	mu    sync.Mutex
	noted map[string]signerNote // guarded by mu; by CA: four at most
}

// signerNote is what the log knows of a CA's key.
type signerNote struct {
	faulty bool
	at     time.Time
}

func newSignerFaults(now func() time.Time) *signerFaults {
	return &signerFaults{now: now, noted: map[string]signerNote{}}
}

// changed reports whether the log is to be told, and takes it as told.
func (f *signerFaults) changed(authority string, faulty bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	last := f.noted[authority]
	if last.faulty == faulty || now.Sub(last.at) < signerPause {
		return false
	}
	f.noted[authority] = signerNote{faulty: faulty, at: now}
	return true
}

// forget undoes changed, where the log could not be told.
func (f *signerFaults) forget(authority string, faulty bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted[authority] = signerNote{faulty: !faulty}
}

// signed judges how a CA ("agent", "target", "host", "face") fared with a certificate. A key that cannot sign now is
// CodeUnavailable, and nothing was issued; another error is what otherwise makes of it. The log has it when a key stops
// signing, and when it signs again, before the certificate leaves this process.
func (d *Decider) signed(ctx context.Context, authority string, err error, otherwise func(format string, args ...any) error) error {
	entry := audit.Entry{Type: audit.SignerFault, Object: authority + "_ca", Outcome: "ok", Reason: "the " + authority + " CA's key signs again"}
	var answer error
	switch {
	case errors.Is(err, ca.ErrSigner):
		d.metrics.signerFailed(authority)
		d.cfg.Log.Error("a CA key cannot sign", "ca", authority, "error", err)
		answer = unavailable("the %s CA's key cannot sign now; nothing was issued, and the same request may succeed later", authority)
		entry.Outcome, entry.Reason = "failed", cut(err.Error(), maxText)
	case err != nil:
		return otherwise("%v", err)
	}
	if d.signers.changed(authority, answer != nil) {
		if err := d.append(ctx, entry); err != nil {
			d.signers.forget(authority, answer != nil)
			return err
		}
	}
	return answer
}

func unavailable(format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeUnavailable, Msg: fmt.Sprintf(format, args...)}
}

// unsigned reports whether err says that a CA's key cannot sign now.
func unsigned(err error) bool {
	var own *protocol.Error
	return errors.As(err, &own) && own.Code == protocol.CodeUnavailable
}
