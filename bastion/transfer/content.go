package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"gatehouse/bastion/target/sftp"
)

// mayWrite counts content on its way to the target, and says whether it may pass. Called before it does.
func (s *Session) mayWrite(f *file, offset uint64, n int) error {
	switch {
	case f.write == nil:
		return refuse(sftp.StatusDenied, "the file is not open for writing")
	case offset > 1<<62 || n > sftp.MaxData:
		return refuse(sftp.StatusFailure, "the write is too long, or too far into the file")
	case f.write.MaxFile > 0 && int64(offset)+int64(n) > f.write.MaxFile:
		return refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy carries files of %d bytes at most", f.write.MaxFile)
	case !s.cfg.Received(n):
		return s.fail(ErrLimit)
	}
	return nil
}

// wrote notes content that is handed to the target.
func (f *file) wrote(offset uint64, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.append { // the target puts it at the end, wherever that is
		offset = uint64(f.in.bytes)
		f.in.broken = f.in.broken || !f.fresh
	}
	f.in.add(int64(offset), data)
}

// writeEnded notes a write's answer.
func (f *file) writeEnded(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = true
}

// mayRead bounds a read.
func (s *Session) mayRead(f *file, offset uint64, n uint32) (int, error) {
	switch {
	case f.read == nil:
		return 0, refuse(sftp.StatusDenied, "the file is not open for reading")
	case offset > 1<<62 || n == 0:
		return 0, refuse(sftp.StatusFailure, "the read is empty, or too far into the file")
	case f.read.MaxFile > 0 && int64(offset) >= f.read.MaxFile && int64(offset) > f.size:
		return 0, refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy carries files of %d bytes at most", f.read.MaxFile)
	}
	return int(min(n, sftp.MaxData)), nil
}

// arrived notes content from the target before it goes on to the client; err is what the session ends by.
func (s *Session) arrived(f *file, offset uint64, asked int, p sftp.Packet) (data []byte, err error) {
	data, err = p.Data()
	switch {
	case errors.Is(err, sftp.StatusError(sftp.StatusEOF)):
		f.mu.Lock()
		f.ended = f.ended || int64(offset) == f.out.next
		f.mu.Unlock()
		return nil, err
	case err != nil:
		return nil, err
	case len(data) > asked:
		return nil, s.fail(fmt.Errorf("%w: more data than was asked for", sftp.ErrProtocol))
	case f.read.MaxFile > 0 && int64(offset)+int64(len(data)) > f.read.MaxFile:
		return nil, refuse(sftp.StatusDenied, "gatehouse: DENIED: the policy carries files of %d bytes at most", f.read.MaxFile)
	case !s.cfg.Sent(len(data)):
		return nil, s.fail(ErrLimit)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.add(int64(offset), data)
	return data, nil
}

// readAt and writeAt are the fields of reads and writes.
func writeAt(handle string, offset uint64, data []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(sftp.AppendText(b, handle), offset)
		return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
	}
}

// relayRead hands a client's read on. Its answer goes to the client as it comes, in the target's own packet.
func (s *Session) relayRead(ctx context.Context, id uint32, f *file, offset uint64, length uint32) error {
	n, err := s.mayRead(f, offset, length)
	if err != nil {
		return err
	}
	return s.target.Send(ctx, sftp.PacketRead, sftp.ReadAt(f.handle, offset, n), func(p sftp.Packet) {
		defer p.Release()
		_, err := s.arrived(f, offset, n, p)
		if err == nil {
			err = s.send(p.Frame(id))
		} else {
			err = s.answerError(id, err)
		}
		if err != nil {
			_ = s.fail(err)
		}
	})
}

// writesAt is where a write goes: where it says, or, if the target puts it at the file's end and that has a bound, where that is now.
func (s *Session) writesAt(ctx context.Context, f *file, offset uint64) (uint64, error) {
	if !f.append || f.write == nil || f.write.MaxFile == 0 {
		return offset, nil
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	a, err := s.fstat(ctx, f)
	return a.Size, err
}

// relayWrite hands a client's write on, in the client's own packet if it fits. It owns the packet.
func (s *Session) relayWrite(ctx context.Context, id uint32, f *file, offset uint64, data []byte, p sftp.Packet) error {
	at, err := s.writesAt(ctx, f, offset)
	if err == nil {
		err = s.mayWrite(f, at, len(data))
	}
	if err != nil {
		p.Release()
		return s.refuseWrite(ctx, id, f, err)
	}
	f.wrote(offset, data)
	answered := func(p sftp.Packet) {
		err := p.Done()
		f.writeEnded(err)
		if err := s.answerError(id, err); err != nil {
			_ = s.fail(err)
		}
	}
	if len(f.handle) == handleSize {
		copy(p.Body()[4:], f.handle)
		return s.target.SendFrame(ctx, p, p.Release, answered)
	}
	defer p.Release()
	return s.target.Send(ctx, sftp.PacketWrite, writeAt(f.handle, offset, data), answered)
}

// refuseWrite refuses a write, and later the close. A stock server answers in order, and OpenSSH's client, which goes by the last answer it gets,
// would take the file for written if answers to earlier writes came after this one: so it waits for them, behind a request that asks nothing.
func (s *Session) refuseWrite(ctx context.Context, id uint32, f *file, err error) error {
	r, ok := asRefusal(err)
	if !ok || f.write == nil {
		return err
	}
	f.writeEnded(r)
	f.refused = r
	return s.target.Send(ctx, sftp.PacketFstat, sftp.Text(f.handle), func(p sftp.Packet) {
		p.Release()
		if err := s.answerError(id, r); err != nil {
			_ = s.fail(err)
		}
	})
}
