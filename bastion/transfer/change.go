package transfer

import (
	"context"
	"encoding/binary"
	"errors"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// inFolder does one thing to a name: resolved without following a link at its end, decided, and then done in the folder that is held
// open. do gets the path by way of that folder.
func (s *Session) inFolder(ctx context.Context, op policy.FileOp, name string, do func(p place, by string) error) error {
	p, err := s.resolve(ctx, name, false)
	if err != nil {
		return err
	}
	in := s.ask(op, p)
	a, err := s.decide(ctx, in)
	if err != nil {
		return err
	}
	dir, err := s.pin(ctx, p.dir())
	if err == nil {
		err = do(p, dir.in(p.base()))
	}
	return s.did(in, a, s.misled(ctx, in, unpinned(err)))
}

// unpinned explains why nothing is done in a folder that cannot be held.
func unpinned(err error) error {
	if errors.Is(err, errUnpinned) {
		return refuse(sftp.StatusDenied, "the login may not read the folder, without which Gatehouse cannot make sure that nothing in it leads elsewhere")
	}
	return err
}

// done asks for something that is answered by a status.
func (s *Session) done(ctx context.Context, kind byte, fields func([]byte) []byte) error {
	p, err := s.target.Ask(ctx, kind, fields)
	if err != nil {
		return err
	}
	return p.Done()
}

func (s *Session) mkdir(ctx context.Context, name string, a sftp.Attrs) error {
	if err := soundMode(a, 0o1777); err != nil {
		return err
	}
	return s.inFolder(ctx, policy.OpMkdir, name, func(p place, by string) error {
		if p.Exists {
			return refuse(sftp.StatusFailure, "it exists")
		}
		mode := uint32(0o777)
		if a.Known&sftp.AttrMode != 0 {
			mode = a.Mode & 0o1777
		}
		return s.done(ctx, sftp.PacketMkdir, func(b []byte) []byte {
			return sftp.Attrs{Known: sftp.AttrMode, Mode: mode}.Append(sftp.AppendText(b, by))
		})
	})
}

func (s *Session) rmdir(ctx context.Context, name string) error {
	return s.inFolder(ctx, policy.OpRmdir, name, func(p place, by string) error {
		if !p.Exists {
			return refuse(sftp.StatusNoFile, "no such folder")
		}
		return s.done(ctx, sftp.PacketRmdir, sftp.Text(by))
	})
}

func (s *Session) remove(ctx context.Context, name string) error {
	return s.inFolder(ctx, policy.OpRemove, name, func(p place, by string) error {
		if !p.Exists {
			return refuse(sftp.StatusNoFile, "no such file")
		}
		return s.done(ctx, sftp.PacketRemove, sftp.Text(by))
	})
}

func (s *Session) readlink(ctx context.Context, name string) (text string, err error) {
	err = s.inFolder(ctx, policy.OpReadlink, name, func(p place, by string) error {
		if !p.Exists {
			return refuse(sftp.StatusNoFile, "no such file")
		}
		answer, err := s.target.Ask(ctx, sftp.PacketReadlink, sftp.Text(by))
		if err != nil {
			return err
		}
		text, err = answer.Name()
		return err
	})
	return text, err
}

// rename moves a name to another; over says that it may take the place of what is there.
func (s *Session) rename(ctx context.Context, from, to string, over bool) error {
	p, err := s.resolve(ctx, from, false)
	if err != nil {
		return err
	}
	q, err := s.resolve(ctx, to, false)
	if err != nil {
		return err
	}
	in := s.ask(policy.OpRename, p)
	in.To, in.AskedTo = []byte(q.Real), []byte(q.asked)
	if in.Why == "" {
		in.Why = q.Why
	}
	a, err := s.decide(ctx, in)
	if err != nil {
		return err
	}
	err = s.renameIn(ctx, p, q, over)
	return s.did(in, a, s.misled(ctx, in, unpinned(err)))
}

func (s *Session) renameIn(ctx context.Context, p, q place, over bool) error {
	switch {
	case !p.Exists:
		return refuse(sftp.StatusNoFile, "no such file")
	case q.Exists && !over:
		return refuse(sftp.StatusFailure, "the new name exists")
	}
	here, err := s.pin(ctx, p.dir())
	if err != nil {
		return err
	}
	there, err := s.pin(ctx, q.dir())
	if err != nil {
		return err
	}
	names := func(b []byte) []byte {
		return sftp.AppendText(sftp.AppendText(b, here.in(p.base())), there.in(q.base()))
	}
	if !over {
		return s.done(ctx, sftp.PacketRename, names)
	}
	return s.done(ctx, sftp.PacketExtended, func(b []byte) []byte { return names(sftp.AppendText(b, posixRename)) })
}

// setstat sets attributes by name: of a regular file by its open descriptor, of a folder by way of itself.
func (s *Session) setstat(ctx context.Context, name string, a sftp.Attrs) error {
	if err := settable(a); err != nil {
		return err
	}
	p, err := s.resolve(ctx, name, true)
	if err != nil {
		return err
	}
	in := s.ask(policy.OpAttributes, p)
	answer, err := s.decide(ctx, in)
	if err != nil {
		return err
	}
	switch {
	case !p.Exists:
		err = refuse(sftp.StatusNoFile, "no such file")
	case a.Known&sftp.AttrSize != 0 && answer.Hold != nil:
		err = errNotWhole
	case a.Known&sftp.AttrSize != 0 && answer.MaxFile > 0 && a.Size > uint64(answer.MaxFile):
		err = refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy carries files of %d bytes at most", answer.MaxFile)
	case p.Attrs.IsFile():
		err = s.setFile(ctx, p, a)
	case p.Attrs.IsDir():
		err = s.setFolder(ctx, p, a)
	default:
		err = refuse(sftp.StatusDenied, "only regular files and folders have attributes that can be set through Gatehouse")
	}
	return s.did(in, answer, s.misled(ctx, in, unpinned(err)))
}

// settable refuses what is never set.
func settable(a sftp.Attrs) error {
	if a.Known&sftp.AttrOwner != 0 {
		return refuse(sftp.StatusDenied, "a file's owner and group are never changed through Gatehouse")
	}
	return soundMode(a, 0o1777)
}

func (s *Session) setFile(ctx context.Context, p place, a sftp.Attrs) error {
	dir, err := s.pin(ctx, p.dir())
	if err != nil {
		return err
	}
	open := func(flags uint32) (opened, error) {
		return s.fds.open(ctx, sftp.PacketOpen, func(b []byte) []byte {
			return sftp.Attrs{}.Append(binary.BigEndian.AppendUint32(sftp.AppendText(b, dir.in(p.base())), flags))
		}, p.Real)
	}
	o, err := open(sftp.OpenWrite)
	if errors.Is(err, sftp.StatusError(sftp.StatusDenied)) && a.Known&sftp.AttrSize == 0 {
		o, err = open(sftp.OpenRead) // its owner may set times and mode all the same
	}
	if err != nil {
		return err
	}
	return errors.Join(s.setHandle(ctx, o.handle, a), s.fds.shut(ctx, o))
}

func (s *Session) setFolder(ctx context.Context, p place, a sftp.Attrs) error {
	if a.Known&sftp.AttrSize != 0 {
		return refuse(sftp.StatusFailure, "a folder has no size that can be set")
	}
	dir, err := s.pin(ctx, p.Real)
	if err != nil {
		return err
	}
	return s.done(ctx, sftp.PacketSetstat, func(b []byte) []byte { return a.Append(sftp.AppendText(b, dir.in("."))) })
}

// stat is what is at a place; follow says whether a link at the name's end is followed.
func (s *Session) stat(ctx context.Context, name string, follow bool) (sftp.Attrs, error) {
	p, err := s.resolve(ctx, name, follow)
	if err != nil {
		return sftp.Attrs{}, err
	}
	in := s.ask(policy.OpStat, p)
	a, err := s.decide(ctx, in)
	if err != nil {
		return sftp.Attrs{}, err
	}
	attrs := p.Attrs
	switch {
	case !p.Exists:
		err = refuse(sftp.StatusNoFile, "no such file")
	case p.Real != "/":
		attrs, err = s.statIn(ctx, p)
	}
	return attrs, s.did(in, a, s.misled(ctx, in, err))
}

// statIn asks again in the folder that is held open, so that no link swapped in the middle shows another place. Where the login may
// pass through the folder and not read it, what the way there showed is all there is.
func (s *Session) statIn(ctx context.Context, p place) (sftp.Attrs, error) {
	dir, err := s.pin(ctx, p.dir())
	if errors.Is(err, errUnpinned) {
		return p.Attrs, nil
	}
	if err != nil {
		return sftp.Attrs{}, err
	}
	return s.lstat(ctx, dir.in(p.base()))
}

// realpath is a client's name made absolute. What may not be looked at is only tidied as text, whether or not it is there.
func (s *Session) realpath(ctx context.Context, name string) (string, error) {
	if name == "" {
		name = "."
	}
	p, err := s.resolve(ctx, name, true)
	if err != nil {
		return "", err
	}
	in := s.ask(policy.OpStat, p)
	in.Quiet = true
	if _, err := s.decide(ctx, in); err != nil {
		if _, refused := asRefusal(err); refused {
			return p.asked, nil
		}
		return "", err
	}
	return p.Real, nil
}
