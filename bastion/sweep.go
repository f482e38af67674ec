package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// maxSweepOutput bounds what a target may say about a sweep.
const maxSweepOutput = 16 << 10

// swept is what a target says about a sweep. It is believed only as far as "unconfirmed": a hostile one can claim that nothing is left.
type swept struct {
	clean     bool // nothing is left
	left      int  // processes that are, if it says so
	signalled bool // what runs was stopped, or goes on
	whole     bool // a look came to its end
	text      string
	took      time.Duration
}

// The lines of a sweep's verdict besides protocol.SweepClean.
const (
	sweepLeft      = "gatehouse-sweep left="
	sweepSignalled = "gatehouse-sweep signalled="
)

// sweep runs the decider's line for a session on its target, over a connection of its own that is pinned to that line.
func (s *Server) sweep(ctx context.Context, in protocol.Sweep) (out swept, err error) {
	begun := time.Now()
	defer func() {
		out.took = time.Since(begun)
		if s.cfg.Dialled != nil {
			s.cfg.Dialled("sweep", out.took, err)
		}
	}()
	t, known := s.target(in.Target)
	if !known || t.Gatehouse {
		return out, nil
	}
	if t.Local {
		if in.Do != "" {
			return out, errors.New("that is not done on this machine")
		}
		out.clean, err = s.cfg.Local.Sweep(ctx, in.Session)
		return out, err
	}
	pending, err := s.dial(ctx, t, in.Login)
	if err != nil {
		return out, err
	}
	in.PublicKey = pending.PublicKey().Marshal()
	a, err := s.cfg.Certifier.Sweep(ctx, in)
	if err != nil {
		pending.Close()
		return out, err
	}
	text, err := runSweep(ctx, pending, a)
	return readSweep(text), err
}

// readSweep reads a sweep's verdict.
func readSweep(text string) swept {
	last := strings.TrimSpace(text)
	last = last[strings.LastIndexByte(last, '\n')+1:]
	out := swept{text: text, clean: last == protocol.SweepClean, whole: last == residueEnd}
	if n, ok := strings.CutPrefix(last, sweepSignalled); ok {
		_, err := strconv.ParseUint(n, 10, 32)
		out.signalled = err == nil
	}
	if n, ok := strings.CutPrefix(last, sweepLeft); ok {
		if left, err := strconv.ParseUint(n, 10, 20); err == nil {
			out.left = int(left)
		}
	}
	return out
}

// runSweep runs the pinned line.
func runSweep(ctx context.Context, pending *target.Pending, a protocol.SweepAnswer) (text string, err error) {
	cert, err := ca.ParseCertificate(a.Certificate)
	if err != nil {
		pending.Close()
		return "", fmt.Errorf("sweep certificate: %w", err)
	}
	conn, err := pending.Authenticate(ctx, cert)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	proc, err := conn.Start(ctx, a.Line, nil)
	if err != nil {
		return "", err
	}
	go func() { _, _ = io.Copy(io.Discard, io.LimitReader(proc.Stderr(), maxSweepOutput)) }()
	said, err := io.ReadAll(io.LimitReader(proc.Stdout(), maxSweepOutput))
	if err != nil {
		return string(said), fmt.Errorf("read sweep: %w", err)
	}
	return string(said), nil
}

// Interrupted ends, after a crash, what a session of the last run may have left on its target.
func (s *Server) Interrupted(ctx context.Context, session, targetName, login string) string {
	out, err := s.sweep(ctx, protocol.Sweep{Session: session, Target: targetName, Login: login, Reason: "gatehouse died while the session was live"})
	if err != nil {
		s.cfg.Log.Warn("sweep after a crash", "session_id", session, "target", targetName, "error", err)
	}
	return remoteWord(out.clean)
}
