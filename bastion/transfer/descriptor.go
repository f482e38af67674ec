package transfer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/bastion/target/sftp"
)

// procFD is where the target's SFTP server sees its own open files. Linux answers for the asking process, whatever it may not see of
// others; that the server is a process of its own that does one thing after the other is OpenSSH's design.
const procFD = "/proc/self/fd"

// maxFD bounds what a target may say that it has open.
const maxFD = 4096

// descriptors knows which file descriptors of the server's are in use. The next one that it opens has the lowest free number, which
// is asked for before and after: it was free, it is open, and its true path is what it is.
type descriptors struct {
	target *sftp.Client
	used   map[int]bool
}

// elsewhereError is something that was opened in another place than it was decided for.
type elsewhereError struct{ at string }

func (e *elsewhereError) Error() string { return fmt.Sprintf("it led to %q when it was opened", e.at) }

// opened is a handle with its descriptor.
type opened struct {
	handle string
	fd     int
}

func fdPath(fd int) string { return procFD + "/" + strconv.Itoa(fd) }

// learn asks which descriptors are open: at the beginning, and when a number turned out not to be the one expected.
func (d *descriptors) learn(ctx context.Context) error {
	names, err := d.list(ctx)
	var status sftp.StatusError
	if errors.As(err, &status) {
		return fmt.Errorf("%w: %w", ErrNoProc, err)
	}
	if err != nil {
		return err
	}
	clear(d.used)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil {
			continue // . and ..
		}
		if fd < 0 || fd > maxFD {
			return fmt.Errorf("%w: descriptor %d", sftp.ErrProtocol, fd)
		}
		// The folder that was listed is among them, and closed by now.
		if _, open, err := d.where(ctx, fd); err != nil {
			return err
		} else if open {
			d.used[fd] = true
		}
	}
	if len(d.used) == 0 {
		return fmt.Errorf("%w: it lists none", ErrNoProc)
	}
	return nil
}

// list reads procFD.
func (d *descriptors) list(ctx context.Context) (names []string, err error) {
	p, err := d.target.Ask(ctx, sftp.PacketOpendir, sftp.Text(procFD))
	if err != nil {
		return nil, err
	}
	handle, err := p.Handle()
	if err != nil {
		return nil, err
	}
	for len(names) <= maxFD {
		if p, err = d.target.Ask(ctx, sftp.PacketReaddir, sftp.Text(handle)); err != nil {
			return nil, err
		}
		some, err := p.Names()
		if errors.Is(err, sftp.StatusError(sftp.StatusEOF)) {
			return names, d.shut(ctx, opened{handle: handle, fd: -1})
		}
		if err != nil {
			return nil, err
		}
		names = append(names, some...)
	}
	return nil, fmt.Errorf("%w: over %d descriptors", sftp.ErrProtocol, maxFD)
}

// where is the true path of a descriptor, if it is open.
func (d *descriptors) where(ctx context.Context, fd int) (at string, open bool, err error) {
	p, err := d.target.Ask(ctx, sftp.PacketReadlink, sftp.Text(fdPath(fd)))
	if err != nil {
		return "", false, err
	}
	return linkOf(p)
}

// linkOf reads a readlink's answer: where it leads, or that nothing is there.
func linkOf(p sftp.Packet) (at string, there bool, err error) {
	at, err = p.Name()
	switch {
	case errors.Is(err, sftp.StatusError(sftp.StatusNoFile)):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	return at, true, nil
}

// open opens by a request whose fields are given, and makes sure that what was opened is at want. An error of the target's own is a
// sftp.StatusError, and nothing is open then; *elsewhereError says that something else was opened, which is closed again.
func (d *descriptors) open(ctx context.Context, kind byte, fields func([]byte) []byte, want string) (opened, error) {
	for range 2 {
		o, at, known, err := d.try(ctx, kind, fields)
		switch {
		case err != nil:
			return opened{}, err
		case known && at == want:
			return o, nil
		case known:
			return opened{}, errors.Join(&elsewhereError{at}, d.shut(ctx, o))
		}
		if err := errors.Join(d.shut(ctx, o), d.learn(ctx)); err != nil {
			return opened{}, err
		}
	}
	return opened{}, ErrNoProc
}

// try sends one open between two questions for the lowest free descriptor, in one go: the server answers in this order. known says
// that the descriptor was free before and is not any more.
func (d *descriptors) try(ctx context.Context, kind byte, fields func([]byte) []byte) (o opened, at string, known bool, err error) {
	for o.fd = 0; d.used[o.fd]; {
		o.fd++
	}
	link := sftp.Text(fdPath(o.fd))
	before, err := d.target.Start(ctx, sftp.PacketReadlink, link)
	if err != nil {
		return o, "", false, err
	}
	open, err := d.target.Start(ctx, kind, fields)
	if err != nil {
		return o, "", false, err
	}
	after, err := d.target.Start(ctx, sftp.PacketReadlink, link)
	if err != nil {
		return o, "", false, err
	}
	first, err := before.Wait(ctx)
	if err != nil {
		return o, "", false, err
	}
	answer, err := open.Wait(ctx)
	if err != nil {
		return o, "", false, err
	}
	last, err := after.Wait(ctx)
	if err != nil {
		return o, "", false, err
	}
	if o.handle, err = answer.Handle(); err != nil {
		return o, "", false, err
	}
	_, taken, err := linkOf(first)
	if err != nil {
		return o, "", false, errors.Join(ErrNoProc, err)
	}
	at, there, err := linkOf(last)
	if err != nil {
		return o, "", false, errors.Join(ErrNoProc, err)
	}
	if known = there && !taken; known {
		d.used[o.fd] = true
	}
	return o, at, known, nil
}

// shut closes a handle.
func (d *descriptors) shut(ctx context.Context, o opened) error {
	p, err := d.target.Ask(ctx, sftp.PacketClose, sftp.Text(o.handle))
	if err != nil {
		return err
	}
	delete(d.used, o.fd)
	if err := p.Done(); err != nil {
		return fmt.Errorf("close on the target: %w", err)
	}
	return nil
}

// deleted is what Linux adds to the path of an open file that has no name any more: a name that ends like this cannot be verified.
const deleted = " (deleted)"

func verifiable(real string) bool { return !strings.HasSuffix(real, deleted) }
