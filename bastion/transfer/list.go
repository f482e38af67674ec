package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// listing is a folder that is being read. Names in it are looked at by way of the folder that is held open beside it.
type listing struct {
	opened
	folder *folder
	in     protocol.File
	seen   int
	done   bool
}

// opendir opens a folder to be listed.
func (s *Session) opendir(ctx context.Context, name string) (*listing, error) {
	p, err := s.resolve(ctx, name, true)
	if err != nil {
		return nil, err
	}
	in := s.ask(policy.OpList, p)
	a, err := s.decide(ctx, in)
	if err != nil {
		return nil, err
	}
	l := &listing{in: in}
	switch {
	case !p.Exists:
		err = refuse(sftp.StatusNoFile, "no such folder")
	case !p.Attrs.IsDir():
		err = refuse(sftp.StatusFailure, "it is no folder")
	default:
		err = s.openListing(ctx, l, p)
	}
	return l, s.did(in, a, s.misled(ctx, in, unpinned(err)))
}

// openListing opens the folder twice: OpenSSH's server looks at each name by the path that it was given for the folder, which has to
// be one that nobody can turn elsewhere.
func (s *Session) openListing(ctx context.Context, l *listing, p place) error {
	var err error
	if l.folder, err = s.openFolder(ctx, p.Real, p.Real); err != nil {
		return err
	}
	by, err := s.openFolder(ctx, l.folder.in("."), p.Real)
	if err != nil {
		return errors.Join(err, s.fds.shut(ctx, l.folder.opened))
	}
	l.opened = by.opened
	return nil
}

// readdir is the next names of a folder that may be shown; io.EOF's status at its end.
func (s *Session) readdir(ctx context.Context, l *listing) ([]sftp.Entry, error) {
	for !l.done {
		p, err := s.target.Ask(ctx, sftp.PacketReaddir, sftp.Text(l.handle))
		if err != nil {
			return nil, err
		}
		all, err := p.Entries()
		if err != nil {
			l.done = true
			return nil, err
		}
		if len(all) > maxNames {
			return nil, fmt.Errorf("%w: %d names at once", sftp.ErrProtocol, len(all))
		}
		if l.seen += len(all); l.seen > maxEntries {
			l.done = true
			return nil, refuse(sftp.StatusFailure, "the folder has over %d names", maxEntries)
		}
		if shown, err := s.shown(ctx, l, all); err != nil || len(shown) > 0 {
			return shown, err
		}
	}
	return nil, sftp.StatusError(sftp.StatusEOF)
}

// shown leaves out what may not be looked at by its own name.
func (s *Session) shown(ctx context.Context, l *listing, all []sftp.Entry) ([]sftp.Entry, error) {
	in := l.in
	var shown, asked []sftp.Entry
	for _, e := range all {
		switch {
		case e.Name == "" || len(e.Name) > 255 || strings.ContainsAny(e.Name, "/\x00"):
			return nil, fmt.Errorf("%w: %.80q as a file's name", sftp.ErrProtocol, e.Name)
		case e.Name == "." || e.Name == "..":
			shown = append(shown, sftp.Entry{Name: e.Name, Attrs: sftp.Attrs{Known: sftp.AttrMode, Mode: sftp.ModeDir | 0o555}})
		default:
			asked, in.Names = append(asked, e), append(in.Names, []byte(e.Name))
		}
	}
	if len(asked) == 0 {
		return shown, nil
	}
	a, err := s.decide(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(a.Shown) != len(asked) {
		return nil, s.fail(fmt.Errorf("the decider answers %d names of %d", len(a.Shown), len(asked)))
	}
	for i, e := range asked {
		if a.Shown[i] {
			shown = append(shown, e)
		}
	}
	return shown, nil
}

// closeListing lets go of a folder.
func (s *Session) closeListing(ctx context.Context, l *listing) error {
	return errors.Join(s.fds.shut(ctx, l.opened), s.fds.shut(ctx, l.folder.opened))
}

// longName is a name as ls -l would show it, as far as the protocol knows it: clients print it as it is.
func longName(e sftp.Entry) string {
	at := time.Unix(int64(e.Attrs.Mtime), 0).UTC().Format("Jan _2  2006")
	return fmt.Sprintf("%s    ? %-8d %-8d %8d %s %s", modeText(e.Attrs.Mode), e.Attrs.UID, e.Attrs.GID, e.Attrs.Size, at, e.Name)
}

// modeText is a mode as ls has it.
func modeText(mode uint32) string {
	kinds := map[uint32]byte{sftp.ModeDir: 'd', sftp.ModeFile: '-', sftp.ModeLink: 'l', 0o010000: 'p', 0o020000: 'c', 0o060000: 'b', 0o140000: 's'}
	b := []byte("?rwxrwxrwx")
	if c, ok := kinds[mode&sftp.ModeKind]; ok {
		b[0] = c
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			b[i+1] = '-'
		}
	}
	for _, special := range []struct {
		bit       uint32
		at        int
		set, bare byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}} {
		switch {
		case mode&special.bit == 0:
		case b[special.at] == 'x':
			b[special.at] = special.set
		default:
			b[special.at] = special.bare
		}
	}
	return string(b)
}
