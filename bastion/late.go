package bastion

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/decider/protocol"
)

// lateTime is how often an end that could not be noted is tried again.
const lateTime = time.Second

// noteEnd puts the session's end into the log and the index.
func (s *session) noteEnd(ctx context.Context, report protocol.End) error {
	if err := s.conn.server.cfg.Evidence.End(ctx, report); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := s.conn.server.cfg.Sessions.Put(ctx, s.row); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// noteEndLater goes on trying while the service runs, as when a full disk ended the session: without it the session would
// look alive until the next start. Only sessions that had begun are worth it, so there are no more of them than ran at once.
// Their recordings are completed by the next start.
func (s *session) noteEndLater(report protocol.End) {
	if s.recording == nil {
		return
	}
	s.conn.server.work.Go(func() {
		tick := time.NewTicker(lateTime)
		defer tick.Stop()
		for !s.conn.server.isClosing() {
			<-tick.C
			ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
			err := s.noteEnd(ctx, report)
			cancel()
			if err == nil {
				s.log.Info("session's end noted late", "state", report.State)
				return
			}
		}
	})
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}
