package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"gatehouse/bastion/target/sftp"
)

// times are those of the next file, by a T message.
type times struct {
	atime, mtime uint32
	set          bool
}

// filling is a folder that is being filled.
type filling struct {
	path  string
	attrs sftp.Attrs // what it gets at its end
}

// sink takes files from the client.
func (c *scp) sink(ctx context.Context) error {
	root := c.cmd.Paths[0]
	folder, why, err := c.isFolder(ctx, root)
	if err != nil {
		return err
	}
	if c.cmd.Folder && !folder {
		if why == nil {
			why = refuse(sftp.StatusFailure, "not a folder")
		}
		return c.complain(root, why)
	}
	if err := c.ok(); err != nil {
		return err
	}
	var stack []filling
	var when times
	for {
		kind, err := c.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		text, err := c.line()
		if err != nil {
			return err
		}
		switch kind {
		case 1: // the client could not read a file of its own
			c.failed = true
			continue
		case 2:
			return &toldError{text}
		case 'T':
			if when, err = parseTimes(text); err == nil {
				err = c.ok()
			}
		case 'E':
			if len(stack) == 0 {
				return fmt.Errorf("%w: it leaves a folder that it has not entered", ErrClient)
			}
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			err = c.leave(ctx, last)
		case 'C', 'D':
			to := ""
			if to, err = c.place(root, folder, stack, text); err != nil {
				break
			}
			if kind == 'C' {
				err = c.take(ctx, to, text, when)
			} else {
				stack, err = c.enter(ctx, stack, to, text, when)
			}
			when = times{}
		default:
			err = fmt.Errorf("%w: message %q", ErrClient, kind)
		}
		if err != nil {
			return err
		}
	}
}

// isFolder reports whether a path is a folder; why is what stands against looking.
func (c *scp) isFolder(ctx context.Context, name string) (is bool, why *refusal, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		a, err := c.stat(ctx, name, true)
		is = err == nil && a.IsDir()
		return err
	})
	if r, refused := asRefusal(err); err != nil && refused {
		return false, r, nil
	}
	return is, nil, err
}

// message is a C or D message: mode, size and name.
type message struct {
	mode uint32
	size int64
	name string
}

func parseMessage(text string) (m message, err error) {
	parts := strings.SplitN(text, " ", 3)
	if len(parts) == 3 && len(parts[0]) == 4 {
		mode, merr := strconv.ParseUint(parts[0], 8, 32)
		size, serr := strconv.ParseUint(parts[1], 10, 62)
		if m = (message{uint32(mode), int64(size), parts[2]}); merr == nil && serr == nil {
			return m, nil
		}
	}
	return m, fmt.Errorf("%w: message %.200q", ErrClient, text)
}

// parseTimes reads a T message: "MTIME 0 ATIME 0".
func parseTimes(text string) (times, error) {
	parts := strings.Split(text, " ")
	if len(parts) == 4 {
		m, merr := strconv.ParseUint(parts[0], 10, 32)
		a, aerr := strconv.ParseUint(parts[2], 10, 32)
		if merr == nil && aerr == nil {
			return times{uint32(a), uint32(m), true}, nil
		}
	}
	return times{}, fmt.Errorf("%w: times %.200q", ErrClient, text)
}

// place is where a message's file goes. A name that is no single component ends the session: no client sends one by mistake.
func (c *scp) place(root string, folder bool, stack []filling, text string) (string, error) {
	m, err := parseMessage(text)
	if err != nil {
		return "", err
	}
	if m.name == "" || m.name == "." || m.name == ".." || strings.ContainsAny(m.name, "/\x00") {
		return "", fmt.Errorf("%w: %.200q is not one name", ErrClient, m.name)
	}
	switch {
	case len(stack) > 0:
		return stack[len(stack)-1].path + "/" + m.name, nil
	case folder:
		return root + "/" + m.name, nil
	}
	return root, nil
}

// enter makes a folder, or takes the one that is there.
func (c *scp) enter(ctx context.Context, stack []filling, to, text string, when times) ([]filling, error) {
	m, err := parseMessage(text)
	switch {
	case err != nil:
		return nil, err
	case !c.cmd.Recursive:
		return nil, fmt.Errorf("%w: it sends a folder without -r", ErrClient)
	case len(stack) >= maxFolders:
		return nil, fmt.Errorf("%w: over %d folders in each other", ErrClient, maxFolders)
	}
	there, _, err := c.isFolder(ctx, to)
	if err != nil {
		return nil, err
	}
	if !there {
		if err := c.do(ctx, func(ctx context.Context) error {
			return c.mkdir(ctx, to, sftp.Attrs{Known: sftp.AttrMode, Mode: m.mode&^0o7000 | 0o700})
		}); err != nil {
			return stack, c.complain(to, err) // the client goes on to the next
		}
	}
	f := filling{path: to}
	if c.cmd.Times {
		f.attrs = attrsOf(m.mode, when)
	}
	return append(stack, f), c.ok()
}

// attrsOf are what -p keeps.
func attrsOf(mode uint32, when times) sftp.Attrs {
	a := sftp.Attrs{Known: sftp.AttrMode, Mode: mode}
	if when.set {
		a.Known |= sftp.AttrTimes
		a.Atime, a.Mtime = when.atime, when.mtime
	}
	return a
}

// leave gives a folder what it is to have once it is full.
func (c *scp) leave(ctx context.Context, f filling) error {
	if f.attrs.Known != 0 {
		if err := c.do(ctx, func(ctx context.Context) error { return c.setstat(ctx, f.path, f.attrs) }); err != nil {
			return c.complain(f.path, err)
		}
	}
	return c.ok()
}

// take takes one file.
func (c *scp) take(ctx context.Context, to, text string, when times) error {
	m, err := parseMessage(text)
	if err != nil {
		return err
	}
	var f *file
	err = c.do(ctx, func(ctx context.Context) error {
		var err error
		f, err = c.open(ctx, to, sftp.OpenWrite|sftp.OpenCreate|sftp.OpenTrunc, sftp.Attrs{Known: sftp.AttrMode, Mode: m.mode})
		if err == nil {
			c.handles[0] = f // so that Close finds it
		}
		return err
	})
	if err != nil {
		return c.complain(to, err)
	}
	if err := c.ok(); err != nil {
		return err
	}
	failed, err := c.fill(ctx, f, m.size)
	if err != nil {
		return err
	}
	if err := c.heard(); err != nil { // the client says whether it read all of its file
		var r *refusal
		if !errors.As(err, &r) {
			return err
		}
		f.writeEnded(err)
	}
	err = c.do(ctx, func(ctx context.Context) error {
		if failed == nil && c.cmd.Times {
			failed = c.fsetstat(ctx, f, attrsOf(m.mode, when))
		}
		return errors.Join(failed, c.closeAny(ctx, 0, f))
	})
	if err != nil {
		return c.complain(to, err)
	}
	return c.ok()
}

// fill writes a file's content as it comes. What cannot be written is read all the same, because the client sends it; failed says why.
func (c *scp) fill(ctx context.Context, f *file, size int64) (failed, err error) {
	var mu sync.Mutex // the target's answers come beside
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil && err != nil {
			failed = err
			f.writeEnded(err)
		}
	}
	broken := func() bool { mu.Lock(); defer mu.Unlock(); return failed != nil }
	buf := make([]byte, chunk)
	for at := int64(0); at < size; {
		data := buf[:min(int64(len(buf)), size-at)]
		if _, err := io.ReadFull(c.in, data); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGone, err)
		}
		offset := uint64(at)
		at += int64(len(data))
		if broken() {
			continue
		}
		if f.held != nil {
			fail(c.heldWrite(f, offset, data))
			continue
		}
		if err := c.mayWrite(f, offset, len(data)); err != nil {
			fail(err)
			continue
		}
		f.wrote(offset, data)
		if err := c.target.Send(ctx, sftp.PacketWrite, writeAt(f.handle, offset, data), func(p sftp.Packet) { fail(p.Done()) }); err != nil {
			return nil, err
		}
	}
	if f.held != nil {
		return failed, nil
	}
	// The server answers in order: once this is answered, so are all writes.
	if _, err := c.target.Ask(ctx, sftp.PacketFstat, sftp.Text(f.handle)); err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed, nil
}
