package transfer

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"gatehouse/bastion/target/sftp"
)

// Direct is a file that a caller in this process has open, with all that a client's would have been held to.
type Direct struct {
	s      *Session
	f      *file
	n      uint32
	offset uint64
}

// Refusal reports whether something was refused, by the policy or by the target, with SFTP's status and the words for it. Any other
// error has ended the session.
func Refusal(err error) (status uint32, text string, ok bool) {
	r, ok := asRefusal(err)
	if !ok {
		return 0, "", false
	}
	return r.status, r.text, true
}

// Open opens a file. flags are SFTP's; perm is that of a file that is made.
func (s *Session) Open(ctx context.Context, name string, flags, perm uint32) (d *Direct, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		if len(s.handles) >= maxHandles {
			return refuse(sftp.StatusFailure, "more than %d files are open", maxHandles)
		}
		a := sftp.Attrs{}
		if flags&sftp.OpenCreate != 0 {
			a = sftp.Attrs{Known: sftp.AttrMode, Mode: perm & 0o777}
		}
		f, err := s.open(ctx, name, flags, a)
		if err != nil {
			return err
		}
		s.next++
		s.handles[s.next] = f
		d = &Direct{s: s, f: f, n: s.next}
		return nil
	})
	return d, err
}

// Read reads on; io.EOF is the file's end.
func (d *Direct) Read(ctx context.Context, b []byte) (n int, err error) {
	err = d.s.do(ctx, func(ctx context.Context) error {
		n, err = d.read(ctx, b)
		return err
	})
	if errors.Is(err, sftp.StatusError(sftp.StatusEOF)) {
		return 0, io.EOF
	}
	return n, err
}

func (d *Direct) read(ctx context.Context, b []byte) (int, error) {
	most, err := d.s.mayRead(d.f, d.offset, uint32(min(len(b), sftp.MaxData)))
	if err != nil {
		return 0, err
	}
	if d.f.held != nil {
		return d.readHeld(b[:most])
	}
	p, err := d.s.target.Ask(ctx, sftp.PacketRead, sftp.ReadAt(d.f.handle, d.offset, most))
	if err != nil {
		return 0, err
	}
	defer p.Release()
	data, err := d.s.arrived(d.f, d.offset, most, p)
	n := copy(b, data)
	d.offset += uint64(n)
	return n, err
}

// readHeld reads content that was looked at.
func (d *Direct) readHeld(b []byte) (int, error) {
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	if d.offset >= uint64(len(d.f.held.content)) {
		d.f.ended = d.f.ended || int64(d.offset) == d.f.out.next
		return 0, sftp.StatusError(sftp.StatusEOF)
	}
	n := copy(b, d.f.held.content[d.offset:])
	if !d.s.cfg.Sent(n) {
		return 0, d.s.fail(ErrLimit)
	}
	d.f.out.add(int64(d.offset), b[:n])
	d.offset += uint64(n)
	return n, nil
}

// Write writes on.
func (d *Direct) Write(ctx context.Context, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		piece := b[n:min(len(b), n+chunk)]
		if err = d.s.do(ctx, func(ctx context.Context) error { return d.write(ctx, piece) }); err == nil {
			n += len(piece)
		}
	}
	return n, err
}

func (d *Direct) write(ctx context.Context, b []byte) error {
	if d.f.held != nil {
		if err := d.s.heldWrite(d.f, d.offset, b); err != nil {
			return err
		}
		d.offset += uint64(len(b))
		return nil
	}
	at, err := d.s.writesAt(ctx, d.f, d.offset)
	if err == nil {
		err = d.s.mayWrite(d.f, at, len(b))
	}
	if err != nil {
		return err
	}
	d.f.wrote(d.offset, b)
	p, err := d.s.target.Ask(ctx, sftp.PacketWrite, writeAt(d.f.handle, d.offset, b))
	if err == nil {
		err = p.Done()
		p.Release()
	}
	d.f.writeEnded(err)
	d.offset += uint64(len(b))
	return err
}

// Close closes the file, and notes what went by.
func (d *Direct) Close(ctx context.Context) error {
	return d.s.do(ctx, func(ctx context.Context) error {
		if d.s.handles[d.n] != d.f {
			return nil
		}
		return d.s.closeAny(ctx, d.n, d.f)
	})
}

// Stat is what is at a place; follow says whether a link at the name's end is followed.
func (s *Session) Stat(ctx context.Context, name string, follow bool) (a sftp.Attrs, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		a, err = s.stat(ctx, name, follow)
		return err
	})
	return a, err
}

// List is what of a folder may be shown, without . and .. in it; at most most names.
func (s *Session) List(ctx context.Context, name string, most int) (all []sftp.Entry, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		l, err := s.opendir(ctx, name)
		if err != nil {
			return err
		}
		all, err = s.listAll(ctx, l, most)
		return errors.Join(err, s.closeListing(ctx, l))
	})
	return all, err
}

func (s *Session) listAll(ctx context.Context, l *listing, most int) (all []sftp.Entry, err error) {
	for {
		some, err := s.readdir(ctx, l)
		if errors.Is(err, sftp.StatusError(sftp.StatusEOF)) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			if e.Name != "." && e.Name != ".." {
				all = append(all, e)
			}
		}
		if len(all) > most {
			return nil, refuse(sftp.StatusFailure, "the folder has over %d names", most)
		}
	}
}

// maxStatus bounds what the target says of its own server.
const maxStatus = 8 << 10

// Who are the target's numbers of the login, as its own server runs: user, group and further groups.
func (s *Session) Who(ctx context.Context) (uid, gid int, groups []int, err error) {
	var text string
	err = s.do(ctx, func(ctx context.Context) error {
		text, err = s.ownStatus(ctx)
		return err
	})
	if err != nil {
		return -1, -1, nil, err
	}
	uid, gid = -1, -1
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) > 2 && f[0] == "Uid:":
			uid = number(f[2]) // the effective one
		case len(f) > 2 && f[0] == "Gid:":
			gid = number(f[2])
		case len(f) > 0 && f[0] == "Groups:":
			for _, g := range f[1:] {
				groups = append(groups, number(g))
			}
		}
	}
	return uid, gid, groups, nil
}

func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// ownStatus is the kernel's word on the target's server.
func (s *Session) ownStatus(ctx context.Context) (string, error) {
	p, err := s.target.Ask(ctx, sftp.PacketOpen, func(b []byte) []byte {
		return sftp.Attrs{}.Append(append(sftp.AppendText(b, "/proc/self/status"), 0, 0, 0, sftp.OpenRead))
	})
	if err != nil {
		return "", err
	}
	handle, err := p.Handle()
	if err != nil {
		return "", err
	}
	q, err := s.target.Ask(ctx, sftp.PacketRead, sftp.ReadAt(handle, 0, maxStatus))
	if err != nil {
		return "", err
	}
	data, err := q.Data()
	text := string(data)
	q.Release()
	return text, errors.Join(err, s.done(ctx, sftp.PacketClose, sftp.Text(handle)))
}
