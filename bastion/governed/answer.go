package governed

import (
	"context"
	"net"
	"path"
	"strings"

	"gatehouse/bastion/shell/wire"
)

// The bounds of one answer.
const (
	maxPath  = 4096 // bytes of a path
	maxWords = 1000
	maxInput = wire.MaxData
)

// serveAnswer serves what has one answer.
func (s *Shell) serveAnswer(stream net.Conn, ask wire.Ask) {
	ctx, cancel := s.whileOpen(stream)
	defer cancel()
	a, err := s.answer(ctx, ask)
	if err != nil {
		own := asError(err)
		if own == nil {
			if ctx.Err() == nil {
				s.fail(err)
			}
			return
		}
		a = wire.Answer{Error: own}
	}
	if err := wire.WriteJSON(stream, wire.FrameAnswer, a); err != nil && s.ctx.Err() == nil {
		_ = wire.WriteJSON(stream, wire.FrameAnswer, wire.Answer{Error: &wire.Error{Kind: wire.KindLimit, Text: "the answer is too long"}})
	}
}

// whileOpen is a context that ends when the process closes its side of the stream, as it does when it wants the answer no more. Nothing
// else comes on such a stream.
func (s *Shell) whileOpen(stream net.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.work.Go(func() {
		defer cancel()
		var b [1]byte
		_, _ = stream.Read(b[:])
	})
	return ctx, func() { cancel(); _ = stream.Close() }
}

func (s *Shell) answer(ctx context.Context, ask wire.Ask) (a wire.Answer, err error) {
	switch {
	case ask.Op == wire.OpStat && goodPath(ask.Path):
		var info wire.Info
		info, err = s.host.Stat(ctx, *ask.Path)
		a.Info = &info
	case ask.Op == wire.OpList && goodPath(ask.Path):
		a.List, err = s.host.List(ctx, *ask.Path)
	case ask.Op == wire.OpAccess && goodPath(ask.Path):
		err = s.host.Access(ctx, *ask.Path)
	case ask.Op == wire.OpHome && len(ask.User) <= 64:
		a.Text, err = s.host.Home(ctx, ask.User)
	case ask.Op == wire.OpInput && ask.Input != nil:
		a, err = s.in.answer(ctx, *ask.Input)
	case ask.Op == wire.OpComplete && len(ask.Word) <= maxPath:
		a.Words, err = s.host.Complete(ctx, ask.Word)
		a.Words = a.Words[:min(len(a.Words), maxWords)]
	case ask.Op == wire.OpHelp:
		a.Text, err = s.host.Help(ctx)
	case ask.Op == wire.OpHistory:
		a.Words, err = s.host.History(ctx)
	default:
		err = asked("%s: not something that can be asked", string(ask.Op))
	}
	return a, err
}

// goodPath says whether a path is one that may be asked about: absolute, of bounded length, without NUL. What .. and links in it lead to the
// host decides.
func goodPath(p *wire.Path) bool { return p != nil && goodName(p.Path) }

func goodName(name string) bool {
	return path.IsAbs(name) && len(name) <= maxPath && !strings.Contains(name, "\x00")
}
