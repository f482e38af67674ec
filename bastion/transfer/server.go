package transfer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// handleSize is what a client's handles take, as with OpenSSH's server: writes can be handed on where they are.
const handleSize = 4

// The extensions that are served (OpenSSH's PROTOCOL, section 4). All others are refused.
const (
	posixRename = "posix-rename@openssh.com"
	fsync       = "fsync@openssh.com"
	limits      = "limits@openssh.com"
)

// ServeSFTP answers a client until it ends its stream, which is nil, or until something ends the session. Writes to the client are
// whole packets, from more than one goroutine, one at a time.
func (s *Session) ServeSFTP(ctx context.Context, in io.Reader, out io.Writer) error {
	s.client = out
	stream := bufio.NewReaderSize(in, 4<<10)
	hello, err := sftp.ReadPacket(stream)
	if errors.Is(err, io.EOF) && !errors.Is(err, sftp.ErrProtocol) {
		return nil // it asks for nothing
	}
	if err != nil || hello.Kind != sftp.PacketInit {
		return s.fail(fmt.Errorf("%w: it does not begin with SFTP", ErrClient))
	}
	if err := s.send(version()); err != nil {
		return s.fail(err)
	}
	for {
		p, err := sftp.ReadPacket(stream)
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, sftp.ErrProtocol):
			return nil
		case err != nil:
			return s.fail(fmt.Errorf("%w: its packets are not SFTP's", ErrClient))
		}
		_ = s.cfg.Received(0) // it is not idle
		if err := s.serveOne(ctx, p); err != nil {
			return s.failure(err)
		}
	}
}

// serveOne serves a request while nobody closes the session.
func (s *Session) serveOne(ctx context.Context, p sftp.Packet) error {
	s.serving.Lock()
	defer s.serving.Unlock()
	if err := s.target.Err(); err != nil || s.closed {
		p.Release()
		return err
	}
	return s.serve(ctx, p)
}

// version is the server's first packet.
func version() []byte {
	b := sftp.Request(sftp.PacketVersion, sftp.Version)
	for _, name := range []string{posixRename, fsync, limits} {
		b = sftp.AppendText(sftp.AppendText(b, name), "1")
	}
	return sftp.Seal(b)
}

// send writes one packet to the client.
func (s *Session) send(b []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if _, err := s.client.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// ErrGone says that the client reads no more.
var ErrGone = errors.New("the client left")

// serve answers one request. Its error ends the session.
func (s *Session) serve(ctx context.Context, p sftp.Packet) error {
	r := &sftp.Reader{B: p.Body()}
	id := p.ID()
	if p.Kind == sftp.PacketRead || p.Kind == sftp.PacketWrite {
		return s.serveContent(ctx, id, p, r)
	}
	defer p.Release()
	ctx, cancel := context.WithTimeoutCause(ctx, operationLimit, fmt.Errorf("the target took longer than %s to answer", operationLimit))
	defer cancel()
	b, err := s.operate(ctx, id, p.Kind, r)
	if err == nil && b != nil {
		return s.send(sftp.Seal(b))
	}
	return s.answerError(id, err)
}

// answerError tells the client that something was not done, or with nil that it was. What is no refusal ends the session.
func (s *Session) answerError(id uint32, err error) error {
	status, text := uint32(sftp.StatusOK), "done"
	if err != nil {
		r, ok := asRefusal(err)
		if !ok {
			return err
		}
		status, text = r.status, r.text
	}
	b := binary.BigEndian.AppendUint32(sftp.Request(sftp.PacketStatus, id), status)
	return s.send(sftp.Seal(sftp.AppendText(sftp.AppendText(b, text), "en")))
}

// serveContent hands reads and writes of an open file on.
func (s *Session) serveContent(ctx context.Context, id uint32, p sftp.Packet, r *sftp.Reader) error {
	f, err := s.fileOf(r)
	offset := r.Uint64()
	if p.Kind == sftp.PacketRead {
		length := r.Uint32()
		p.Release()
		switch {
		case r.Short || len(r.B) > 0:
			err = errBadMessage
		case err == nil && f.held != nil:
			err = s.heldRead(id, f, offset, length)
			if err == nil {
				return nil
			}
		case err == nil:
			err = s.relayRead(ctx, id, f, offset, length)
			if err == nil {
				return nil
			}
		}
		return s.answerError(id, err)
	}
	data := r.Bytes()
	switch {
	case r.Short || len(r.B) > 0:
		err = errBadMessage
	case err == nil && f.held != nil:
		err = s.heldWrite(f, offset, data)
	case err == nil:
		if err = s.relayWrite(ctx, id, f, offset, data, p); err == nil {
			return nil
		}
		return s.answerError(id, err)
	}
	p.Release()
	return s.answerError(id, err)
}

var errBadMessage = &refusal{sftp.StatusBadMessage, "the packet's fields are not those of its kind"}

// operate does what is not content. It returns the answer, or nil where a status says all.
func (s *Session) operate(ctx context.Context, id uint32, kind byte, r *sftp.Reader) ([]byte, error) {
	switch kind {
	case sftp.PacketOpen, sftp.PacketOpendir:
		return s.serveOpen(ctx, id, kind, r)
	case sftp.PacketClose, sftp.PacketFstat, sftp.PacketFsetstat, sftp.PacketReaddir:
		return s.serveHandle(ctx, id, kind, r)
	case sftp.PacketExtended:
		return s.serveExtended(ctx, id, r)
	case sftp.PacketSymlink:
		return nil, s.refuseLink(ctx, r)
	}
	return s.serveName(ctx, id, kind, r)
}

// serveName does what takes names.
func (s *Session) serveName(ctx context.Context, id uint32, kind byte, r *sftp.Reader) ([]byte, error) {
	name := r.Text()
	var second string
	var a sftp.Attrs
	switch kind {
	case sftp.PacketRename:
		second = r.Text()
	case sftp.PacketMkdir, sftp.PacketSetstat:
		a = r.Attrs()
	}
	if r.Short || len(r.B) > 0 {
		return nil, errBadMessage
	}
	switch kind {
	case sftp.PacketStat, sftp.PacketLstat:
		attrs, err := s.stat(ctx, name, kind == sftp.PacketStat)
		return attrs.Append(sftp.Request(sftp.PacketAttrs, id)), err
	case sftp.PacketRealpath:
		real, err := s.realpath(ctx, name)
		return oneName(id, real), err
	case sftp.PacketReadlink:
		text, err := s.readlink(ctx, name)
		return oneName(id, text), err
	case sftp.PacketSetstat:
		return nil, s.setstat(ctx, name, a)
	case sftp.PacketMkdir:
		return nil, s.mkdir(ctx, name, a)
	case sftp.PacketRmdir:
		return nil, s.rmdir(ctx, name)
	case sftp.PacketRemove:
		return nil, s.remove(ctx, name)
	case sftp.PacketRename:
		return nil, s.rename(ctx, name, second, false)
	}
	return nil, refuse(sftp.StatusUnsupported, "gatehouse does not carry this request")
}

// serveOpen opens a file or a folder.
func (s *Session) serveOpen(ctx context.Context, id uint32, kind byte, r *sftp.Reader) ([]byte, error) {
	name := r.Text()
	var flags uint32
	var a sftp.Attrs
	if kind == sftp.PacketOpen {
		flags, a = r.Uint32(), r.Attrs()
	}
	switch {
	case r.Short || len(r.B) > 0:
		return nil, errBadMessage
	case len(s.handles) >= maxHandles:
		return nil, refuse(sftp.StatusFailure, "%d files are open, which is the most at once", maxHandles)
	}
	var h any
	var err error
	if kind == sftp.PacketOpen {
		h, err = s.open(ctx, name, flags, a)
	} else {
		h, err = s.opendir(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	s.next++
	s.handles[s.next] = h
	return sftp.AppendText(sftp.Request(sftp.PacketHandle, id), string(binary.BigEndian.AppendUint32(nil, s.next))), nil
}

// handleOf is what a client's handle stands for. Numbers are not used again.
func (s *Session) handleOf(r *sftp.Reader) (uint32, any, error) {
	b := r.Bytes()
	if len(b) != handleSize {
		return 0, nil, refuse(sftp.StatusFailure, "no such handle")
	}
	n := binary.BigEndian.Uint32(b)
	h, ok := s.handles[n]
	if !ok {
		return n, nil, refuse(sftp.StatusFailure, "no such handle")
	}
	return n, h, nil
}

// fileOf is the open file of a handle.
func (s *Session) fileOf(r *sftp.Reader) (*file, error) {
	_, h, err := s.handleOf(r)
	if err != nil {
		return nil, err
	}
	f, ok := h.(*file)
	if !ok {
		return nil, refuse(sftp.StatusFailure, "the handle is a folder's")
	}
	return f, nil
}

// serveHandle does what takes a handle.
func (s *Session) serveHandle(ctx context.Context, id uint32, kind byte, r *sftp.Reader) ([]byte, error) {
	n, h, err := s.handleOf(r)
	var a sftp.Attrs
	if kind == sftp.PacketFsetstat {
		a = r.Attrs()
	}
	if r.Short || len(r.B) > 0 {
		return nil, errBadMessage
	}
	if err != nil {
		return nil, err
	}
	if kind == sftp.PacketClose {
		if f, ok := h.(*file); ok {
			return nil, s.closeAny(ctx, n, f)
		}
		delete(s.handles, n)
		return nil, s.closeListing(ctx, h.(*listing))
	}
	if l, ok := h.(*listing); ok {
		if kind != sftp.PacketReaddir {
			return nil, refuse(sftp.StatusFailure, "the handle is a folder's")
		}
		entries, err := s.readdir(ctx, l)
		return namesOf(id, entries), err
	}
	f := h.(*file)
	switch kind {
	case sftp.PacketFstat:
		attrs, err := s.fstat(ctx, f)
		return attrs.Append(sftp.Request(sftp.PacketAttrs, id)), err
	case sftp.PacketFsetstat:
		return nil, s.fsetstat(ctx, f, a)
	}
	return nil, refuse(sftp.StatusFailure, "the handle is a file's")
}

// serveExtended serves OpenSSH's extensions.
func (s *Session) serveExtended(ctx context.Context, id uint32, r *sftp.Reader) ([]byte, error) {
	switch name := r.Text(); {
	case r.Short:
		return nil, errBadMessage
	case name == posixRename:
		from, to := r.Text(), r.Text()
		if r.Short || len(r.B) > 0 {
			return nil, errBadMessage
		}
		return nil, s.rename(ctx, from, to, true)
	case name == fsync:
		f, err := s.fileOf(r)
		if err == nil && (r.Short || len(r.B) > 0) {
			err = errBadMessage
		}
		if err != nil || f.held != nil {
			return nil, err
		}
		return nil, s.done(ctx, sftp.PacketExtended, func(b []byte) []byte { return sftp.AppendText(sftp.AppendText(b, fsync), f.handle) })
	case name == limits:
		b := sftp.Request(sftp.PacketReply, id)
		for _, n := range []uint64{sftp.MaxPacket, sftp.MaxData, sftp.MaxData, maxHandles} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return b, nil
	case name == "hardlink@openssh.com":
		return nil, s.refuseLink(ctx, r)
	}
	return nil, refuse(sftp.StatusUnsupported, "gatehouse does not carry this extension")
}

// refuseLink refuses symbolic and hard links: what they lead to could be changed or read by a name that policy allows.
func (s *Session) refuseLink(ctx context.Context, r *sftp.Reader) error {
	first, second := r.Text(), r.Text()
	if r.Short || len(r.B) > 0 {
		return errBadMessage
	}
	abs, err := s.absolute(second)
	if err != nil {
		return err
	}
	p := place{asked: path.Clean(abs)}
	p.Real = p.asked
	in := s.ask(policy.OpWrite, p)
	in.To, in.AskedTo = []byte(first), []byte(first)
	return s.elsewhere(ctx, in, errors.New("links are not made through Gatehouse: a link would be another name for what the policy decides by name"))
}

// oneName answers realpath and readlink.
func oneName(id uint32, name string) []byte {
	b := binary.BigEndian.AppendUint32(sftp.Request(sftp.PacketName, id), 1)
	return sftp.Attrs{}.Append(sftp.AppendText(sftp.AppendText(b, name), name))
}

// namesOf answers readdir.
func namesOf(id uint32, entries []sftp.Entry) []byte {
	b := binary.BigEndian.AppendUint32(sftp.Request(sftp.PacketName, id), uint32(len(entries)))
	for _, e := range entries {
		b = e.Attrs.Append(sftp.AppendText(sftp.AppendText(b, e.Name), longName(e)))
	}
	return b
}
