package bastion

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gatehouse/bastion/target"
	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// maxSweepOutput bounds what a target may say about a sweep.
const maxSweepOutput = 4 << 10

// runSweep runs the pinned line and reads its verdict. What the target says is believed only as far as "unconfirmed": a
// hostile one can claim that nothing is left.
func runSweep(ctx context.Context, pending *target.Pending, a protocol.SweepAnswer) (clean bool, err error) {
	cert, err := ca.ParseCertificate(a.Certificate)
	if err != nil {
		pending.Close()
		return false, fmt.Errorf("sweep certificate: %w", err)
	}
	conn, err := pending.Authenticate(ctx, cert)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	proc, err := conn.Start(ctx, a.Line, nil)
	if err != nil {
		return false, err
	}
	go func() { _, _ = io.Copy(io.Discard, io.LimitReader(proc.Stderr(), maxSweepOutput)) }()
	text, err := io.ReadAll(io.LimitReader(proc.Stdout(), maxSweepOutput))
	if err != nil {
		return false, fmt.Errorf("read sweep: %w", err)
	}
	return strings.TrimSpace(string(text)) == protocol.SweepClean, nil
}

// Interrupted ends, after a crash, what a session of the last run may have left on its target.
func (s *Server) Interrupted(ctx context.Context, session, targetName, login string) string {
	clean, err := s.sweep(ctx, session, targetName, login, "gatehouse died while the session was live")
	if err != nil {
		s.cfg.Log.Warn("sweep after a crash", "session_id", session, "target", targetName, "error", err)
	}
	return remoteWord(clean)
}
