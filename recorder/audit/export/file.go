package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gatehouse/recorder/audit"
)

// fileBuffer is how many bytes are written at once.
const fileBuffer = 256 << 10

// tornBack is how far back the end of the last whole line is looked for; a line always fits.
const tornBack = 1 << 20

// fileSink writes one line an entry. At maxSize the file is put aside as PATH.1, PATH.1 as PATH.2 and so on; the oldest goes.
type fileSink struct {
	path    string
	maxSize int64
	keep    int
	encode  Encode

	file *os.File
	size int64
	buf  []byte
}

var _ sink = (*fileSink)(nil)

func (s *fileSink) send(_ context.Context, records []audit.Record) (lost, error) {
	if err := s.open(); err != nil {
		return lost{}, err
	}
	s.buf = s.buf[:0]
	var failed error
	err := encodeAll(s.encode, records, func(line []byte) {
		if failed == nil {
			failed = s.add(line)
		}
	})
	var no *refusedError
	if errors.As(err, &no) {
		return lost{}, err // nothing of this batch was written, or it will be again
	}
	if failed != nil {
		return lost{}, failed
	}
	return lost{}, s.flush()
}

// add puts a line into the buffer, and the file aside before a line that it has no room for.
func (s *fileSink) add(line []byte) error {
	if n := s.size + int64(len(s.buf)); n > 0 && n+int64(len(line))+1 > s.maxSize {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	s.buf = append(append(s.buf, line...), '\n')
	if len(s.buf) >= fileBuffer {
		return s.flush()
	}
	return nil
}

func (s *fileSink) flush() error {
	n, err := s.file.Write(s.buf)
	s.size += int64(n)
	s.buf = s.buf[:0]
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// open opens the file for appending and cuts off a line that a crash left torn.
func (s *fileSink) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	size, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open %s: %w", s.path, err), f.Close())
	}
	s.file, s.size = f, size
	return nil
}

// wholeLines is the length of a file up to its last line feed.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("it is not a regular file")
	}
	from := max(0, info.Size()-tornBack)
	end, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return 0, err
	}
	feed := bytes.LastIndexByte(end, '\n')
	if feed < 0 && from > 0 {
		return 0, fmt.Errorf("no line ends in its last %d bytes: this is not a file of ours", tornBack)
	}
	return from + int64(feed) + 1, nil
}

// rotate puts the file aside and begins a new one.
func (s *fileSink) rotate() error {
	if err := errors.Join(s.flush(), s.file.Sync()); err != nil {
		return err
	}
	s.close()
	for i := s.keep; i > 1; i-- {
		err := os.Rename(fmt.Sprintf("%s.%d", s.path, i-1), fmt.Sprintf("%s.%d", s.path, i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put aside: %w", err)
		}
	}
	if err := os.Rename(s.path, s.path+".1"); err != nil {
		return fmt.Errorf("put aside: %w", err)
	}
	return s.open()
}

func (s *fileSink) sync() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// check opens the file anew when somebody has moved or removed it, as logrotate does.
func (s *fileSink) check() error {
	if s.file == nil {
		return nil
	}
	there, err := os.Stat(s.path)
	have, err2 := s.file.Stat()
	if err == nil && err2 == nil && os.SameFile(there, have) {
		return nil
	}
	err = s.sync()
	s.close()
	return err
}

func (s *fileSink) close() {
	if s.file != nil {
		_ = s.file.Close() // it was synced, or its entries are written again
		s.file = nil
	}
	s.buf = s.buf[:0]
}
