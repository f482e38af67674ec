package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// soundMode refuses what would make a program run as somebody else. It is refused, not masked: what was asked for is what is done.
func soundMode(a sftp.Attrs, most uint32) error {
	if a.Known&sftp.AttrMode == 0 {
		return nil
	}
	if bits := a.Mode & 0o7777 &^ most; bits != 0 {
		return refuse(sftp.StatusDenied, "the mode %04o has bits that are never set through Gatehouse: set-uid, set-gid%s", a.Mode&0o7777, map[bool]string{true: " and sticky"}[most == 0o777])
	}
	return nil
}

// openAt opens what was decided: without cutting it, without following or replacing anything where it is new, and checked on its own
// descriptor before a byte of it is touched.
func (s *Session) openAt(ctx context.Context, f *file, p place, in protocol.File, flags uint32, a sftp.Attrs) error {
	by := p.Real
	if dir, err := s.pin(ctx, p.dir()); err == nil {
		by = dir.in(p.base())
	} else if !errors.Is(err, errUnpinned) {
		return s.misled(ctx, in, err)
	}
	want := flags & (sftp.OpenRead | sftp.OpenWrite | sftp.OpenAppend)
	if !p.Exists {
		want |= sftp.OpenCreate | sftp.OpenExcl
	}
	var err error
	f.opened, err = s.fds.open(ctx, sftp.PacketOpen, func(b []byte) []byte {
		b = binary.BigEndian.AppendUint32(sftp.AppendText(b, by), want)
		return sftp.Attrs{Known: sftp.AttrMode, Mode: creationMode(a)}.Append(b)
	}, p.Real)
	var other *elsewhereError
	if errors.As(err, &other) && !p.Exists {
		err = errors.Join(err, s.takeBack(ctx, other.at))
	}
	if err != nil {
		return s.misled(ctx, in, err)
	}
	if err := s.check(ctx, f, in); err != nil {
		return errors.Join(err, s.fds.shut(ctx, f.opened))
	}
	f.fresh = !p.Exists || flags&sftp.OpenTrunc != 0
	if p.Exists && flags&sftp.OpenTrunc != 0 && f.write != nil && f.size > 0 {
		if err := s.setHandle(ctx, f.handle, sftp.Attrs{Known: sftp.AttrSize}); err != nil {
			return errors.Join(err, s.fds.shut(ctx, f.opened))
		}
		f.size = 0
	}
	return nil
}

// creationMode is what a new file gets, before the target's umask.
func creationMode(a sftp.Attrs) uint32 {
	if a.Known&sftp.AttrMode == 0 {
		return 0o666
	}
	return a.Mode & 0o777
}

// misled denies what led elsewhere; every other error is handed on.
func (s *Session) misled(ctx context.Context, in protocol.File, err error) error {
	var other *elsewhereError
	if errors.As(err, &other) {
		return s.elsewhere(ctx, in, other)
	}
	return err
}

// check asks the open file itself what it is: a regular file, within the limit.
func (s *Session) check(ctx context.Context, f *file, in protocol.File) error {
	p, err := s.target.Ask(ctx, sftp.PacketFstat, sftp.Text(f.handle))
	if err != nil {
		return err
	}
	a, err := p.Attrs()
	switch {
	case err != nil:
		return err
	case !a.IsFile():
		return s.elsewhere(ctx, in, errors.New("it was no regular file when it was opened"))
	case a.Size > 1<<62:
		return fmt.Errorf("%w: a file of %d bytes", sftp.ErrProtocol, a.Size)
	}
	f.size = int64(a.Size)
	if f.read != nil && f.read.MaxFile > 0 && f.size > f.read.MaxFile {
		return s.elsewhere(ctx, in, fmt.Errorf("it has %d bytes, and the policy carries files of %d at most", f.size, f.read.MaxFile))
	}
	return nil
}

// setHandle sets attributes of an open file.
func (s *Session) setHandle(ctx context.Context, handle string, a sftp.Attrs) error {
	p, err := s.target.Ask(ctx, sftp.PacketFsetstat, func(b []byte) []byte { return a.Append(sftp.AppendText(b, handle)) })
	if err != nil {
		return err
	}
	return p.Done()
}

// takeBack removes a file that was made elsewhere a moment ago, if it is still the empty file that it was.
func (s *Session) takeBack(ctx context.Context, at string) error {
	p := place{}
	p.Real = at
	dir, err := s.pin(ctx, p.dir())
	if err != nil {
		return nil // what cannot be held is left alone, and the log has its name
	}
	a, err := s.lstat(ctx, dir.in(p.base()))
	if _, refused := asRefusal(err); refused || err == nil && (!a.IsFile() || a.Size > 0) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.target.Ask(ctx, sftp.PacketRemove, sftp.Text(dir.in(p.base())))
	return err
}

// lstat is what is at a path itself.
func (s *Session) lstat(ctx context.Context, at string) (sftp.Attrs, error) {
	p, err := s.target.Ask(ctx, sftp.PacketLstat, sftp.Text(at))
	if err != nil {
		return sftp.Attrs{}, err
	}
	return p.Attrs()
}

// opened gives an open file a number and notes it.
func (s *Session) opened(in protocol.File, f *file) error {
	if f.read != nil {
		if err := s.record(event{Op: "open", Path: f.path, Asked: f.asked, Direction: string(policy.OpRead), Size: f.size, Result: "ok", Decision: f.read.ID}); err != nil {
			return err
		}
	}
	if f.write == nil {
		return nil
	}
	return s.record(event{Op: "open", Path: f.path, Asked: f.asked, Direction: string(policy.OpWrite), Size: f.size, Result: "ok", Decision: f.write.ID})
}

// closeFile closes a file and notes what went by.
func (s *Session) closeFile(ctx context.Context, f *file) error {
	err := s.fds.shut(ctx, f.opened)
	why := ""
	if f.refused != nil {
		why = f.refused.text
	}
	if err != nil {
		if s.target.Err() != nil {
			return err // Close notes the end
		}
		why = "the target could not close it"
	}
	if ferr := s.fileEnds(ctx, f, why); ferr != nil || err != nil {
		return errors.Join(ferr, err)
	}
	if f.refused != nil {
		return f.refused
	}
	return nil
}

// fileEnds notes once what went by of a file, in recording and log; why is set where it did not end by being closed, or not all of it passed.
func (s *Session) fileEnds(ctx context.Context, f *file, why string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noted {
		return nil
	}
	f.noted = true
	var errs []error
	if f.read != nil {
		sum, ok := f.out.whole(f.out.next)
		errs = append(errs, s.fileEnd(ctx, f, string(policy.OpRead), f.read, &f.out, sum, ok && f.ended && why == "", why))
	}
	if f.write != nil {
		sum, ok := f.in.whole(f.in.next)
		errs = append(errs, s.fileEnd(ctx, f, string(policy.OpWrite), f.write, &f.in, sum, ok && f.fresh && !f.failed && why == "", why))
	}
	return errors.Join(errs...)
}

func (s *Session) fileEnd(ctx context.Context, f *file, direction string, a *protocol.FileAnswer, went *flow, sum string, whole bool, why string) error {
	result := "whole"
	if !whole {
		result, sum = "partial", ""
	}
	e := event{Op: "close", Path: f.path, Asked: f.asked, Direction: direction, Size: went.bytes, SHA256: sum, Result: result, Decision: a.ID, Why: why}
	if !whole {
		e.Ranges = went.ranges
	}
	rerr := s.record(e)
	err := s.cfg.Gate.FileEnd(ctx, protocol.FileEnd{Session: s.cfg.Session, ID: a.ID, Path: []byte(f.path), Direction: direction, Size: went.bytes, SHA256: sum, Result: result, Why: why})
	if err != nil {
		err = s.fail(fmt.Errorf("note the end of a file: %w", err))
	}
	return errors.Join(rerr, err)
}
