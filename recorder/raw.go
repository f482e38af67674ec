package recorder

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Raw is a recording as it lies, with its key file if it has one: what a reviewer takes along to decrypt it with an identity
// of their own.
type Raw struct {
	name string
	file *os.File
	size int64
	key  []byte // nil where there is none
	head Header
}

// Encrypted says whether it takes a key to read it.
func (r *Raw) Encrypted() bool { return r.head.Cipher != "" }

// Raw opens a recording as it lies. Of one that is live it is what is there now. The caller closes it.
func (r *Recorder) Raw(session string) (*Raw, error) {
	path, err := Path(r.cfg.Dir, session)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	raw := &Raw{name: session, file: f}
	if raw.head, err = headOf(path, r.dec); err != nil {
		f.Close()
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		raw.size = info.Size()
		if rec := r.isLive(session); rec != nil {
			raw.size = min(raw.size, rec.size())
		}
		raw.key, err = readKeyFile(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.Close()
		return nil, fmt.Errorf("read recording as it lies: %w", err)
	}
	return raw, nil
}

// headOf reads a recording's header.
func headOf(path string, dec *zstd.Decoder) (Header, error) {
	rd, err := openReader(path, dec, math.MaxInt64)
	if err != nil {
		return Header{}, err
	}
	return rd.header, rd.Close()
}

// Close releases the recording.
func (r *Raw) Close() error { return r.file.Close() }

// size is how much of the file is whole.
func (r *Recording) size() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length
}

// WriteTar writes a tar archive of the two files, which OpenFileWith reads as it reads the files themselves.
func (r *Raw) WriteTar(w io.Writer) error {
	out := tar.NewWriter(w)
	if r.key != nil {
		if err := out.WriteHeader(&tar.Header{Name: r.name + keySuffix, Mode: 0o600, Size: int64(len(r.key)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := out.Write(r.key); err != nil {
			return err
		}
	}
	if err := out.WriteHeader(&tar.Header{Name: r.name + fileSuffix, Mode: 0o600, Size: r.size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := io.CopyN(out, r.file, r.size); err != nil {
		return err
	}
	return out.Close()
}

// section is a part of a file, read as a file.
type section struct {
	*io.SectionReader
	io.Closer
}

// openTar opens the recording in an archive of WriteTar; key is what its key file holds, nil without one.
func openTar(path string) (rd *Reader, key []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open recording: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	in := tar.NewReader(f)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("%s: no recording in it", path)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", path, err)
		}
		switch {
		case h.Typeflag == tar.TypeReg && strings.HasSuffix(h.Name, keySuffix):
			if key, err = io.ReadAll(io.LimitReader(in, maxKeyFile)); err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", path, err)
			}
		case h.Typeflag == tar.TypeReg && strings.HasSuffix(h.Name, fileSuffix):
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", path, err)
			}
			dec, err := newDecoder()
			if err != nil {
				return nil, nil, err
			}
			rd, err := newReader(section{io.NewSectionReader(f, at, h.Size), f}, dec, math.MaxInt64)
			return rd, key, err
		}
	}
}

// isTar says whether a file is an archive of WriteTar by its name: a recording's own ends in .ghr.
func isTar(path string) bool { return filepath.Ext(path) == ".tar" }
