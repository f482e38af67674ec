package bastion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/bastion/preview"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// seeing is a look that goes on beside a wait.
type seeing struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
}

func (l seeing) end() {
	l.cancel()
	<-l.done
}

// see looks at what a waiting command is about, where nobody has yet, and hands in what it finds.
func (w *queued) see() seeing {
	s, d, question := w.session, w.d, w.session.question
	ctx, cancel := context.WithCancel(s.ctx)
	l := seeing{cancel, make(chan struct{})}
	if !d.Waiting.Preview || !w.known || d.Decision.Plan == nil {
		close(l.done)
		return l
	}
	go func() {
		defer close(l.done)
		defer s.conn.isolate("a preview")
		found := s.preview(ctx, w.target, question, d)
		if ctx.Err() != nil {
			return
		}
		if err := s.conn.server.cfg.Gate.Preview(ctx, d.Waiting.Request.ID, found); err != nil && ctx.Err() == nil {
			s.log.Warn("hand in a preview", "request", d.Waiting.Request.ID, "error", err)
		}
	}()
	return l
}

// preview looks, as the decider permits and notes, at what whoever decides about a waiting command should see of it. asked is the
// question with the facts of its last answer, which is d. It takes a few seconds at most, and always returns something: what could
// not be looked at is in its notes.
func (s *session) preview(ctx context.Context, t protocol.Target, asked protocol.Decide, d protocol.Decided) access.Preview {
	begun := s.conn.server.cfg.Now()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	asked.Preview, asked.PublicKey, asked.ProbeKey, asked.Await = d.Waiting.Request.ID, nil, nil, ""
	out, err := s.previewTarget(ctx, t, asked, d)
	if err != nil {
		out.Notes = append(out.Notes, "the target was not looked at: "+s.notLooked(err))
	}
	if s.part != "" {
		out.Notes = append(out.Notes, s.conn.server.cfg.Secrets.MaskText(s.part))
	}
	screen, note := s.lastScreen(ctx)
	if out.Screen = screen; note != "" {
		out.Notes = append(out.Notes, note)
	}
	s.maskPreview(&out)
	now := s.conn.server.cfg.Now()
	out.At, out.Elapsed = now.UTC().Truncate(time.Second), now.Sub(begun)
	return out
}

// notLooked is why, in words that name nothing of ours.
func (s *session) notLooked(err error) string {
	var other *overtakenError
	var own *protocol.Error
	switch {
	case errors.As(err, &other):
		return "it is decided otherwise now"
	case errors.As(err, &own) && own.Code == protocol.CodeRefused:
		return own.Msg
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it did not answer within %s", lookTime)
	}
	s.log.Warn("preview", "target", s.row.Target, "error", err)
	return "it cannot be reached, or does not let Gatehouse look"
}

// previewTarget looks over the connection whose certificate allows nothing else.
func (s *session) previewTarget(ctx context.Context, t protocol.Target, asked protocol.Decide, d protocol.Decided) (access.Preview, error) {
	asked.Looking = s.conn.lookers.looking(t.Name, s.row.Login)
	permitted, err := s.conn.server.cfg.Gate.Decide(ctx, asked)
	switch {
	case err != nil:
		return access.Preview{}, err
	case permitted.Fault != "" || permitted.Decision.Verdict != policy.Look:
		return access.Preview{}, &overtakenError{permitted}
	}
	in := preview.Subject{Plan: *d.Decision.Plan, Facts: asked.Facts}
	for _, p := range permitted.Decision.Probes {
		if p.Kind == policy.ProbeContent {
			in.Names = append(in.Names, p.Name)
		}
	}
	key := lookKey{target: t.Name, login: s.row.Login, hash: true}
	for {
		l, fresh, err := s.looker(ctx, t, key, asked, permitted)
		if err != nil {
			return access.Preview{}, err
		}
		out, err := l.preview(ctx, in)
		if err == nil {
			return out, nil
		}
		s.conn.lookers.drop(key, l)
		if fresh || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return out, nil // its notes say what is missing
		}
	}
}

// preview looks while no other session of the connection does.
func (o *opened) preview(ctx context.Context, in preview.Subject) (access.Preview, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return preview.Build(ctx, o.looker, in)
}

// maskPreview masks secrets in what is shown of contents: to see them is a right of its own, and needs a reason.
func (s *session) maskPreview(p *access.Preview) {
	secrets, masked := s.conn.server.cfg.Secrets, false
	for i := range p.Files {
		diff := secrets.MaskText(p.Files[i].Diff)
		masked = masked || diff != p.Files[i].Diff
		p.Files[i].Diff = diff
	}
	if text := strings.Join(p.Screen, "\n"); text != "" {
		p.Screen = strings.Split(secrets.MaskCut(text), "\n")
	}
	if masked {
		p.Notes = append(p.Notes, "secrets in the differences are masked")
	}
}
