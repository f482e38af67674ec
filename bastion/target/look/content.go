package look

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gatehouse/bastion/target/sftp"
)

// hash reads a program to its end.
func (v *visit) hash(name string) ([]byte, error) {
	sum := sha256.New()
	err := v.read(name, sum, maxHash)
	return sum.Sum(nil), err
}

// read copies a file to its end, of at most that many bytes: ErrTooMuch if there are more. An error of the writer ends it.
func (v *visit) read(name string, into io.Writer, most uint64) error {
	p, err := v.ask(sftp.PacketOpen, func(b []byte) []byte {
		b = sftp.AppendText(b, name)
		return append(b, 0, 0, 0, sftp.OpenRead, 0, 0, 0, 0) // no attributes
	})
	if err != nil {
		return err
	}
	handle, err := p.Handle()
	if err != nil {
		return err
	}
	return errors.Join(v.copy(handle, into, most), v.shut(handle))
}

// chunk is what is read at once, window how many chunks are asked for ahead.
const (
	chunk  = 32 << 10
	window = 32
)

// copy reads an open file. Chunks are asked for ahead; what is missing of a short one is asked for before the next is looked at.
func (v *visit) copy(handle string, into io.Writer, most uint64) error {
	var ahead []sftp.Call
	asked := uint64(0)
	for at := uint64(0); ; at += chunk {
		for len(ahead) < window && asked <= most {
			q, err := v.begin(sftp.PacketRead, sftp.ReadAt(handle, asked, chunk))
			if err != nil {
				return err
			}
			ahead, asked = append(ahead, q), asked+chunk
		}
		whole, err := v.chunk(ahead[0], handle, at)
		ahead = ahead[1:]
		if err != nil {
			return err
		}
		if at+uint64(len(whole)) > most {
			err = fmt.Errorf("%w: a file of over %d bytes", ErrTooMuch, most)
		} else {
			_, err = into.Write(whole)
		}
		if len(whole) == chunk && err == nil {
			continue
		}
		for _, q := range ahead { // past the end
			if _, err := q.Wait(v.ctx); err != nil {
				return err
			}
		}
		return err
	}
}

// chunk is the chunk at an offset, whose first part is asked for already; shorter only at the file's end.
func (v *visit) chunk(first sftp.Call, handle string, at uint64) ([]byte, error) {
	var whole []byte
	for q := first; ; {
		p, err := q.Wait(v.ctx)
		if err != nil {
			return nil, err
		}
		part, err := p.Data()
		switch {
		case errors.Is(err, sftp.StatusError(sftp.StatusEOF)):
			return whole, nil
		case err != nil:
			return nil, err
		case len(whole)+len(part) > chunk:
			return nil, fmt.Errorf("%w: more data than was asked for", sftp.ErrProtocol)
		}
		if whole = append(whole, part...); len(whole) == chunk {
			return whole, nil
		}
		if q, err = v.begin(sftp.PacketRead, sftp.ReadAt(handle, at+uint64(len(whole)), chunk-len(whole))); err != nil {
			return nil, err
		}
	}
}

// shut closes a handle.
func (v *visit) shut(handle string) error {
	p, err := v.ask(sftp.PacketClose, sftp.Text(handle))
	if err != nil {
		return err
	}
	if err := p.Status(); !errors.Is(err, sftp.StatusError(0)) {
		return fmt.Errorf("close on the target: %w", err)
	}
	return nil
}
