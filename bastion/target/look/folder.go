package look

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"gatehouse/bastion/target/sftp"
)

// list reads a folder's names: no "." and "..", and none that is not UTF-8, because facts cannot hold it and nobody could approve
// it. left is what may still be read.
func (v *visit) list(dir string, left *atomic.Int64) ([]string, error) {
	p, err := v.ask(sftp.PacketOpendir, sftp.Text(dir))
	if err != nil {
		return nil, err
	}
	handle, err := p.Handle()
	if err != nil {
		return nil, err
	}
	names, err := v.entries(handle, left)
	return names, errors.Join(err, v.shut(handle))
}

func (v *visit) entries(handle string, left *atomic.Int64) ([]string, error) {
	var names []string
	for {
		p, err := v.ask(sftp.PacketReaddir, sftp.Text(handle))
		if err != nil {
			return nil, err
		}
		some, err := p.Names()
		switch {
		case errors.Is(err, sftp.StatusError(sftp.StatusEOF)):
			return names, nil
		case err != nil:
			return nil, err
		case left.Add(-int64(len(some))) < 0:
			return nil, fmt.Errorf("%w: over %d entries in folders", ErrTooMuch, maxEntries)
		}
		for _, name := range some {
			if name == "" || len(name) > maxName || strings.ContainsAny(name, "/\x00") {
				return nil, fmt.Errorf("%w: %.80q as a file's name", sftp.ErrProtocol, name)
			}
			if name != "." && name != ".." && utf8.ValidString(name) {
				names = append(names, name)
			}
		}
	}
}
