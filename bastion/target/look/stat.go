package look

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// Found is what is at a path, for people to see.
type Found struct {
	Real    string          // without symbolic links; empty: it cannot be said
	Kind    policy.PathKind // of what it leads to
	Link    bool            // the path itself is a symbolic link
	Size    int64           //
	Mode    fs.FileMode     // of what it leads to
	Changed time.Time       // UTC; zero if the target does not say
	Why     string          // why nothing can be said
}

// Stat says what is at an absolute path. What is not there, or what the login may not see, is no error.
func (l *Looker) Stat(ctx context.Context, name string) (Found, error) {
	v := l.visit(ctx)
	last := sftp.Attrs{}
	at, err := v.walk(name, func(where string, a sftp.Attrs) {
		if where == name {
			last = a
		}
	})
	if err != nil {
		return Found{}, err
	}
	f := Found{Real: at.real, Kind: kindOf(at), Link: last.IsLink(), Why: at.why}
	if at.exists {
		f.Size, f.Mode, f.Changed = int64(min(at.attrs.Size, 1<<62)), fileMode(at.attrs), changed(at.attrs)
	}
	return f, nil
}

// Read returns a file's content, of at most that many bytes: ErrTooMuch if there are more. It needs a look that may read.
func (l *Looker) Read(ctx context.Context, name string, most int) ([]byte, error) {
	var out bytes.Buffer
	err := l.visit(ctx).read(name, &out, uint64(most))
	return out.Bytes(), err
}

// Tree counts what is in a folder at any depth, following no links, and the bytes of the files among it. It gives up at most
// entries: then whole is false.
func (l *Looker) Tree(ctx context.Context, name string, most int) (entries int, size int64, whole bool, err error) {
	v := l.visit(ctx)
	for dirs := []string{name}; len(dirs) > 0; dirs = dirs[1:] {
		list, err := v.entriesOf(dirs[0], most-entries)
		var status sftp.StatusError
		switch {
		case errors.Is(err, ErrTooMuch), errors.As(err, &status):
			return entries, size, false, nil
		case err != nil:
			return entries, size, false, err
		}
		for _, e := range list {
			entries++
			if at := path.Join(dirs[0], e.Name); e.Attrs.IsDir() && len(at) < maxPath {
				dirs = append(dirs, at)
			} else if e.Attrs.IsFile() {
				size += int64(min(e.Attrs.Size, 1<<40))
			}
		}
	}
	return entries, size, true, nil
}

func (l *Looker) visit(ctx context.Context) *visit {
	return &visit{ctx: ctx, client: l.client, search: l.cfg.SearchPath, kept: map[string]*lookup{}}
}

// entriesOf lists a folder, without "." and "..".
func (v *visit) entriesOf(dir string, most int) (list []sftp.Entry, err error) {
	p, err := v.ask(sftp.PacketOpendir, sftp.Text(dir))
	if err != nil {
		return nil, err
	}
	handle, err := p.Handle()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.shut(handle)) }()
	for {
		p, err := v.ask(sftp.PacketReaddir, sftp.Text(handle))
		if err != nil {
			return list, err
		}
		some, err := p.Entries()
		if errors.Is(err, sftp.StatusError(sftp.StatusEOF)) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		for _, e := range some {
			if e.Name != "." && e.Name != ".." {
				list = append(list, e)
			}
		}
		if len(list) > most {
			return list, fmt.Errorf("%w: over %d entries", ErrTooMuch, most)
		}
	}
}

func kindOf(at place) policy.PathKind {
	switch {
	case at.why != "":
		return policy.PathOther
	case !at.exists:
		return policy.PathNone
	case at.attrs.IsFile():
		return policy.PathFile
	case at.attrs.IsDir():
		return policy.PathDir
	}
	return policy.PathOther
}

// fileMode is a mode as ls shows it.
func fileMode(a sftp.Attrs) fs.FileMode {
	m := fs.FileMode(a.Mode & 0o777)
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if a.Mode&bit != 0 {
			m |= mode
		}
	}
	switch {
	case a.IsDir():
		m |= fs.ModeDir
	case !a.IsFile():
		m |= fs.ModeIrregular
	}
	return m
}

func changed(a sftp.Attrs) time.Time {
	if a.Known&sftp.AttrTimes == 0 {
		return time.Time{}
	}
	return time.Unix(int64(a.Mtime), 0).UTC()
}
