package governed

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"gatehouse/bastion/shell/wire"
)

// serveOpen carries one file.
func (s *Shell) serveOpen(stream net.Conn, o wire.Open) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	f, err := s.open(ctx, o)
	if err != nil {
		s.refuse(stream, err)
		return
	}
	if wire.WriteJSON(stream, wire.FrameAnswer, wire.Answer{}) != nil {
		_ = f.Close()
		return
	}
	if o.Mode == "read" {
		s.work.Go(func() { // the process closes what it has read enough of
			defer cancel()
			var b [1]byte
			_, _ = stream.Read(b[:])
		})
		s.sendFile(stream, f)
		return
	}
	s.takeFile(stream, f)
}

func (s *Shell) open(ctx context.Context, o wire.Open) (File, error) {
	if !goodName(o.Path) || !slices.Contains([]string{"read", "write", "append", "new"}, o.Mode) || o.Perm > 0o777 {
		return nil, asked("no file that can be opened: %.80q", o.Path)
	}
	return s.host.Open(ctx, o)
}

// refuse answers with an error, or ends the shell by it.
func (s *Shell) refuse(stream net.Conn, err error) {
	own := asError(err)
	if own == nil {
		if s.ctx.Err() == nil {
			s.fail(err)
		}
		return
	}
	_ = wire.WriteJSON(stream, wire.FrameAnswer, wire.Answer{Error: own}) // a process that is gone asks no more
}

// sendFile sends a file's content.
func (s *Shell) sendFile(stream net.Conn, f File) {
	buf := make([]byte, wire.MaxData)
	for {
		n, err := f.Read(buf)
		if n > 0 && wire.Write(stream, wire.FrameOut, buf[:n]) != nil {
			_ = f.Close()
			return
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			err = errors.Join(err, f.Close())
		} else {
			err = f.Close()
		}
		s.close(stream, err)
		return
	}
}

// takeFile writes what comes. A process that leaves before it has said that this is all leaves a file that is cut there.
func (s *Shell) takeFile(stream net.Conn, f File) {
	buf := make([]byte, wire.MaxData)
	var failed error
	for {
		frame, b, err := wire.ReadData(stream, buf)
		switch {
		case err != nil || frame != wire.FrameIn && frame != wire.FrameInEnd && frame != wire.FrameDone:
			_ = f.Close()
			if err == nil || errors.Is(err, wire.ErrFrame) {
				s.broken("what is no content of a file")
			}
			return
		case frame == wire.FrameDone && failed == nil:
			if wire.Write(stream, wire.FrameDone, nil) != nil {
				_ = f.Close()
				return
			}
		case frame != wire.FrameIn:
			s.close(stream, errors.Join(failed, f.Close()))
			return
		case failed == nil:
			_, failed = f.Write(b)
		}
	}
}

// close says how a file ended.
func (s *Shell) close(stream net.Conn, err error) {
	if err == nil {
		_ = wire.Write(stream, wire.FrameDone, nil)
		return
	}
	if own := asError(err); own != nil {
		_ = wire.WriteJSON(stream, wire.FrameFail, own)
		return
	}
	if s.ctx.Err() == nil {
		s.fail(err)
	}
}
