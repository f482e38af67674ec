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

// maxHeld is how much of a file is held back where policy says nothing else.
const maxHeld = 8 << 20

// chunk is what is asked for at once of a file that is read here, ahead how many of them.
const (
	chunk = 128 << 10
	ahead = 8
)

// held is a file whose content must be looked at before a byte of it goes on.
type held struct {
	content []byte
	most    int
	upload  *upload // nil: the content was looked at, and is the client's
}

// upload is what is done at the target when its content may go there.
type upload struct {
	place place
	in    protocol.File
	flags uint32
	new   sftp.Attrs   // of a new file
	attrs []sftp.Attrs // set on the open file, in order
}

// holds reports whether a file's content is held back in a direction, and how much of it at most.
func holds(a *protocol.FileAnswer) (most int, ok bool) {
	if a == nil || a.Hold == nil {
		return 0, false
	}
	if a.Hold.Max > 0 {
		return int(min(a.Hold.Max, 1<<30)), true
	}
	return maxHeld, true
}

// errNotWhole refuses what would leave some of a file as it was.
var errNotWhole = &refusal{sftp.StatusDenied, "gatehouse: DENIED: the policy looks at the content of this file, so it has to be written whole"}

// holdUpload keeps a file's new content here until it is closed. Nothing is asked of the target before.
func (s *Session) holdUpload(f *file, p place, in protocol.File, flags uint32, a sftp.Attrs, most int) error {
	if flags&(sftp.OpenAppend|sftp.OpenRead) != 0 {
		return errNotWhole
	}
	f.fd = -1
	f.fresh = !p.Exists || flags&sftp.OpenTrunc != 0
	f.held = &held{most: most, upload: &upload{place: p, in: in, flags: flags | sftp.OpenTrunc, new: a}}
	return nil
}

// errFull is for content that is held back while too much is already.
var errFull = refuse(sftp.StatusFailure, "%d bytes of files are held back, which is the most at once: close some of them", maxHeldAll)

// letGo forgets what was kept of a file whose end is noted. Called by who serves the client.
func (s *Session) letGo(f *file) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held != nil {
		s.held.give(len(f.held.content))
		f.held.content = nil
	}
	f.in.drop()
	f.out.drop()
}

// holdDownload reads a file that was just opened, and looks at it.
func (s *Session) holdDownload(ctx context.Context, f *file, in protocol.File, most int) error {
	if f.size > int64(most) {
		return s.elsewhere(ctx, in, fmt.Errorf("the policy looks at its content, and it has %d bytes of %d that are looked at most", f.size, most))
	}
	f.held = &held{most: most}
	err := s.readAll(ctx, f, func(data []byte) error {
		if len(f.held.content)+len(data) > most {
			return s.elsewhere(ctx, in, fmt.Errorf("the policy looks at its content, and it has over %d bytes", most))
		}
		if !s.held.take(len(data), max(most, maxHeldAll)) {
			return errFull
		}
		f.held.content = append(f.held.content, data...)
		return nil
	})
	if err != nil {
		return err
	}
	f.size = int64(len(f.held.content)) // whatever the target said before
	return s.inspect(ctx, f.held.content, f.read, in)
}

// inspect denies content that policy's rules on content do not let pass.
func (s *Session) inspect(ctx context.Context, content []byte, a *protocol.FileAnswer, in protocol.File) error {
	why := s.cfg.Inspect(a.Hold, content)
	if why == "" {
		return nil
	}
	return s.elsewhere(ctx, in, errors.New(why))
}

// readAll reads an open file to its end, some chunks ahead, in order.
func (s *Session) readAll(ctx context.Context, f *file, each func([]byte) error) error {
	var waiting []sftp.Call
	offset, asked := uint64(0), uint64(0)
	for {
		for len(waiting) < ahead {
			q, err := s.target.Start(ctx, sftp.PacketRead, sftp.ReadAt(f.handle, asked, chunk))
			if err != nil {
				return err
			}
			waiting, asked = append(waiting, q), asked+chunk
		}
		p, err := waiting[0].Wait(ctx)
		if err != nil {
			return err
		}
		waiting = waiting[1:]
		data, err := p.Data()
		if err == nil {
			err = each(data)
		}
		n := uint64(len(data))
		p.Release()
		if err == nil && n == chunk {
			offset += chunk
			continue
		}
		for _, q := range waiting { // what was asked for past a short answer
			p, werr := q.Wait(ctx)
			if werr != nil {
				return werr
			}
			p.Release()
		}
		waiting = nil
		switch {
		case errors.Is(err, sftp.StatusError(sftp.StatusEOF)):
			return nil
		case err != nil:
			return err
		}
		offset += n
		asked = offset
	}
}

// heldRead answers a read from content that was looked at.
func (s *Session) heldRead(id uint32, f *file, offset uint64, length uint32) error {
	n, err := s.mayRead(f, offset, length)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if offset >= uint64(len(f.held.content)) {
		f.ended = f.ended || int64(offset) == f.out.next
		return sftp.StatusError(sftp.StatusEOF)
	}
	data := f.held.content[offset:min(uint64(len(f.held.content)), offset+uint64(n))]
	if !s.cfg.Sent(len(data)) {
		return s.fail(ErrLimit)
	}
	f.out.add(int64(offset), data)
	b := binary.BigEndian.AppendUint32(sftp.Request(sftp.PacketData, id), uint32(len(data)))
	return s.send(sftp.Seal(append(b, data...)))
}

// heldWrite keeps content until the file is closed.
func (s *Session) heldWrite(f *file, offset uint64, data []byte) error {
	if err := s.mayWrite(f, offset, len(data)); err != nil {
		f.writeEnded(err)
		return err
	}
	end := offset + uint64(len(data))
	if end > uint64(f.held.most) {
		f.writeEnded(ErrLimit)
		return refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy looks at the content of this file, of which %d bytes are looked at most", f.held.most)
	}
	grow := max(0, int(end)-len(f.held.content))
	if !s.held.take(grow, max(f.held.most, maxHeldAll)) {
		f.writeEnded(errFull)
		return errFull
	}
	f.wrote(offset, data)
	if grow > 0 {
		f.held.content = append(f.held.content, make([]byte, grow)...)
	}
	copy(f.held.content[offset:], data)
	return nil
}

// closeAny closes the client's file of that number. One whose end could not be noted stays, for Close to find it.
func (s *Session) closeAny(ctx context.Context, n uint32, f *file) error {
	var err error
	if f.held == nil || f.held.upload == nil {
		err = s.closeFile(ctx, f)
	} else {
		err = s.closeHeld(ctx, f)
	}
	if f.noted {
		delete(s.handles, n)
		s.letGo(f)
	}
	return err
}

// closeHeld closes a file whose content was held back: it goes to the target now, if it may.
func (s *Session) closeHeld(ctx context.Context, f *file) error {
	err := s.deliver(ctx, f)
	why := ""
	if err != nil {
		r, ok := asRefusal(err)
		if !ok {
			return err
		}
		f.writeEnded(err)
		why = r.text
	}
	return errors.Join(s.fileEnds(ctx, f, why), err)
}

// deliver looks at held content and writes it to the target.
func (s *Session) deliver(ctx context.Context, f *file) error {
	u := f.held.upload
	f.mu.Lock()
	_, whole := f.in.whole(int64(len(f.held.content)))
	whole = whole && f.fresh
	f.mu.Unlock()
	switch {
	case f.failed:
		return refuse(sftp.StatusFailure, "not all of the file was taken, so nothing of it was written")
	case !whole:
		return errNotWhole
	}
	if err := s.inspect(ctx, f.held.content, f.write, u.in); err != nil {
		return err
	}
	there := &file{path: f.path, asked: f.asked, write: f.write}
	if err := s.openAt(ctx, there, u.place, u.in, u.flags, u.new); err != nil {
		return err
	}
	err := s.writeAll(ctx, there, f.held.content)
	for _, a := range u.attrs {
		if err == nil {
			err = s.setHandle(ctx, there.handle, a)
		}
	}
	return errors.Join(err, s.fds.shut(ctx, there.opened))
}

// writeAll writes content from a file's beginning, some chunks ahead.
func (s *Session) writeAll(ctx context.Context, f *file, content []byte) error {
	var waiting []sftp.Call
	settle := func() error {
		p, err := waiting[0].Wait(ctx)
		waiting = waiting[1:]
		if err != nil {
			return err
		}
		return p.Done()
	}
	var failed error
	for at := 0; at < len(content) && failed == nil; at += chunk {
		if len(waiting) == ahead {
			failed = settle()
		}
		q, err := s.target.Start(ctx, sftp.PacketWrite, writeAt(f.handle, uint64(at), content[at:min(at+chunk, len(content))]))
		if err != nil {
			return err
		}
		waiting = append(waiting, q)
	}
	for len(waiting) > 0 {
		if err := settle(); failed == nil {
			failed = err
		}
	}
	return failed
}

// fstat is what an open file is.
func (s *Session) fstat(ctx context.Context, f *file) (sftp.Attrs, error) {
	if f.held != nil {
		return sftp.Attrs{Known: sftp.AttrSize | sftp.AttrMode, Size: uint64(len(f.held.content)), Mode: sftp.ModeFile | 0o600}, nil
	}
	p, err := s.target.Ask(ctx, sftp.PacketFstat, sftp.Text(f.handle))
	if err != nil {
		return sftp.Attrs{}, err
	}
	return p.Attrs()
}

// fsetstat sets attributes of an open file. Its size is content, which takes a file that is open for writing.
func (s *Session) fsetstat(ctx context.Context, f *file, a sftp.Attrs) error {
	if err := settable(a); err != nil {
		return err
	}
	switch {
	case f.write == nil:
		return refuse(sftp.StatusDenied, "the file is not open for writing")
	case a.Known&sftp.AttrSize != 0 && f.write.MaxFile > 0 && a.Size > uint64(f.write.MaxFile):
		return refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy carries files of %d bytes at most", f.write.MaxFile)
	case f.held != nil && a.Known&sftp.AttrSize != 0 && a.Size != uint64(len(f.held.content)):
		return errNotWhole
	}
	in := protocol.File{Session: s.cfg.Session, Home: s.homeFact(), Op: policy.OpAttributes, Path: []byte(f.path), Asked: []byte(f.asked), Kind: "file", Size: f.size}
	answer, err := s.decide(ctx, in)
	if err != nil {
		return err
	}
	if a.Known&sftp.AttrSize != 0 {
		f.mu.Lock()
		// Cut where the written ends, it is what was written, as scp does it; anywhere else it is not.
		f.fresh, f.in.broken = true, f.in.broken || int64(a.Size) != f.in.next
		f.mu.Unlock()
	}
	if f.held != nil {
		a.Known &^= sftp.AttrSize
		if len(f.held.upload.attrs) >= 16 {
			return refuse(sftp.StatusFailure, "the attributes were set too often")
		}
		f.held.upload.attrs = append(f.held.upload.attrs, a)
		return s.did(in, answer, nil)
	}
	return s.did(in, answer, s.setHandle(ctx, f.handle, a))
}
