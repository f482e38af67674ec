package transfer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"gatehouse/bastion/target/look"
	"gatehouse/bastion/target/sftp"
)

// source sends files to the client.
func (c *scp) source(ctx context.Context) error {
	if err := c.heard(); err != nil {
		return err
	}
	for i, name := range c.cmd.Paths {
		names := []string{name}
		if c.cmd.globs[i] {
			var err error
			if names, err = c.expand(ctx, name); err != nil {
				if err = c.complain(name, err); err != nil {
					return err
				}
				continue
			}
		}
		for _, name := range names {
			if err := c.give(ctx, name, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// give sends one path, and with -r what is below it.
func (c *scp) give(ctx context.Context, name string, depth int) error {
	var a sftp.Attrs
	err := c.do(ctx, func(ctx context.Context) error {
		var err error
		a, err = c.stat(ctx, name, true)
		return err
	})
	switch {
	case err != nil:
	case a.IsFile():
		return c.giveFile(ctx, name, a)
	case !a.IsDir() || !c.cmd.Recursive:
		err = refuse(sftp.StatusFailure, "not a regular file")
	case depth >= maxFolders:
		err = refuse(sftp.StatusFailure, "over %d folders in each other", maxFolders)
	default:
		return c.giveFolder(ctx, name, a, depth)
	}
	return c.complain(name, err)
}

// said sends a message and hears whether the client takes it.
func (c *scp) said(format string, args ...any) (taken bool, err error) {
	if err := c.send([]byte(fmt.Sprintf(format, args...))); err != nil {
		return false, err
	}
	err = c.heard()
	var r *refusal
	if errors.As(err, &r) {
		return false, nil
	}
	return err == nil, err
}

// spoken is a name as a message can hold it: OpenSSH writes a line feed like this.
func spoken(name string) string { return strings.ReplaceAll(path.Base(name), "\n", `\^J`) }

// sayTimes sends a T message where they are to be kept.
func (c *scp) sayTimes(a sftp.Attrs) (taken bool, err error) {
	if !c.cmd.Times {
		return true, nil
	}
	return c.said("T%d 0 %d 0\n", a.Mtime, a.Atime)
}

// giveFile sends a file. Its size is said before it is read: one that shrinks meanwhile is filled up with zeros, and said to be wrong.
func (c *scp) giveFile(ctx context.Context, name string, a sftp.Attrs) error {
	var f *file
	err := c.do(ctx, func(ctx context.Context) error {
		var err error
		if f, err = c.open(ctx, name, sftp.OpenRead, sftp.Attrs{}); err == nil {
			c.handles[0] = f
		}
		return err
	})
	if err != nil {
		return c.complain(name, err)
	}
	failed, err := c.giveContent(ctx, name, f, a)
	if err != nil {
		return err
	}
	err = c.do(ctx, func(ctx context.Context) error { return c.closeAny(ctx, 0, f) })
	if _, ok := asRefusal(err); err != nil && !ok {
		return err
	}
	if failed != nil {
		if err := c.complain(name, failed); err != nil {
			return err
		}
		return ignoreRefusal(c.heard())
	}
	return nil
}

// ignoreRefusal is for an answer that is counted already.
func ignoreRefusal(err error) error {
	var r *refusal
	if errors.As(err, &r) {
		return nil
	}
	return err
}

// giveContent sends what is said of a file, and then it; failed says why not all of it was right.
func (c *scp) giveContent(ctx context.Context, name string, f *file, a sftp.Attrs) (failed, err error) {
	if taken, err := c.sayTimes(a); err != nil || !taken {
		return nil, err
	}
	size := f.size
	if taken, err := c.said("C%04o %d %s\n", a.Mode&0o7777, size, spoken(name)); err != nil || !taken {
		return nil, err
	}
	left := size
	err = c.contents(ctx, f, size, func(data []byte) error {
		left -= int64(len(data))
		return c.send(data)
	})
	if err != nil {
		if _, ok := asRefusal(err); !ok {
			return nil, err
		}
		failed = err
	} else if left > 0 {
		failed = refuse(sftp.StatusFailure, "it became shorter while it was read")
	}
	for zeros := make([]byte, min(left, chunk)); left > 0; left -= int64(len(zeros)) {
		zeros = zeros[:min(left, chunk)]
		if err := c.send(zeros); err != nil {
			return nil, err
		}
	}
	if failed != nil {
		return failed, nil
	}
	if err := c.ok(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	return nil, ignoreRefusal(c.heard())
}

// contents reads the first size bytes of a file that is open, each part counted before it is given.
func (c *scp) contents(ctx context.Context, f *file, size int64, each func([]byte) error) error {
	if f.held == nil {
		return c.readParts(ctx, f, size, each)
	}
	for at := int64(0); at < size; at += chunk {
		data := f.held.content[at:min(at+chunk, size)]
		if !c.cfg.Sent(len(data)) {
			return c.fail(ErrLimit)
		}
		f.out.add(at, data)
		if err := each(data); err != nil {
			return err
		}
	}
	return nil
}

// readParts reads chunk by chunk, some ahead. A short part ends it.
func (c *scp) readParts(ctx context.Context, f *file, size int64, each func([]byte) error) error {
	type part struct {
		call   sftp.Call
		offset int64
	}
	var waiting []part
	var failed error
	for asked := int64(0); asked < size && failed == nil || len(waiting) > 0; {
		for len(waiting) < ahead && asked < size && failed == nil {
			q, err := c.target.Start(ctx, sftp.PacketRead, sftp.ReadAt(f.handle, uint64(asked), int(min(chunk, size-asked))))
			if err != nil {
				return err
			}
			waiting, asked = append(waiting, part{q, asked}), asked+chunk
		}
		next := waiting[0]
		waiting = waiting[1:]
		p, err := next.call.Wait(ctx)
		if err != nil {
			return err
		}
		if failed == nil {
			want := min(chunk, size-next.offset)
			data, err := c.arrived(f, uint64(next.offset), int(want), p)
			if err == nil {
				err = each(data)
			}
			if failed = err; err == nil && int64(len(data)) < want {
				failed = refuse(sftp.StatusFailure, "it could not be read whole")
			}
		}
		p.Release()
	}
	if errors.Is(failed, sftp.StatusError(sftp.StatusEOF)) {
		return nil
	}
	return failed
}

// giveFolder sends a folder and what is in it.
func (c *scp) giveFolder(ctx context.Context, name string, a sftp.Attrs, depth int) error {
	names, err := c.names(ctx, name)
	if err != nil {
		return c.complain(name, err)
	}
	c.listed += len(names)
	defer func() { c.listed -= len(names) }()
	if c.listed > maxEntries {
		return c.complain(name, refuse(sftp.StatusFailure, "the folders in each other have over %d names", maxEntries))
	}
	if taken, err := c.sayTimes(a); err != nil || !taken {
		return err
	}
	if taken, err := c.said("D%04o 0 %s\n", a.Mode&0o7777, spoken(name)); err != nil || !taken {
		return err
	}
	for _, n := range names {
		if err := c.give(ctx, name+"/"+n, depth+1); err != nil {
			return err
		}
	}
	_, err = c.said("E\n")
	return err
}

// names are those of a folder that may be shown.
func (c *scp) names(ctx context.Context, name string) (names []string, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		l, err := c.opendir(ctx, name)
		if err != nil {
			return err
		}
		for {
			entries, err := c.readdir(ctx, l)
			if errors.Is(err, sftp.StatusError(sftp.StatusEOF)) {
				return c.closeListing(ctx, l)
			}
			if err != nil {
				return errors.Join(err, c.closeListing(ctx, l))
			}
			for _, e := range entries {
				if e.Name != "." && e.Name != ".." {
					names = append(names, e.Name)
				}
			}
		}
	})
	return names, err
}

// expand is what a pattern stands for, as far as its folders and names may be seen.
func (c *scp) expand(ctx context.Context, pattern string) ([]string, error) {
	at := []string{""}
	if !path.IsAbs(pattern) {
		at = []string{"."}
	}
	for _, text := range strings.Split(strings.Trim(pattern, "/"), "/") {
		part, err := look.ParseComponent(text)
		if err != nil {
			return nil, refuse(sftp.StatusFailure, "the pattern is not understood")
		}
		if at, err = c.step(ctx, at, part); err != nil {
			return nil, err
		}
	}
	if len(at) == 0 {
		return nil, refuse(sftp.StatusNoFile, "no such file")
	}
	return at, nil
}

// step goes one component further from each of the folders.
func (c *scp) step(ctx context.Context, at []string, part look.Component) (next []string, err error) {
	for _, dir := range at {
		if name, ok := part.Literal(); ok {
			next = append(next, dir+"/"+name)
			continue
		}
		names, err := c.names(ctx, dir+"/")
		if _, refused := asRefusal(err); err != nil && !refused {
			return nil, err
		}
		for _, name := range names {
			if part.Match(name) {
				next = append(next, dir+"/"+name)
			}
		}
		if len(next) > maxExpanded {
			return nil, refuse(sftp.StatusFailure, "the pattern stands for over %d names", maxExpanded)
		}
	}
	return next, nil
}
