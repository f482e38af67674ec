package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// next reads the next head.
func (x *extraction) next() (*tar.Header, error) {
	if err := context.Cause(x.ctx); err != nil {
		return nil, err
	}
	h, err := x.tar.Next()
	if err == nil {
		x.at = fmt.Sprintf("member %q", h.Name)
		return h, nil
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, io.EOF
	}
	return nil, fmt.Errorf("%w: after %s: %w", ErrDamaged, x.at, err)
}

// format reads the first member, which says that this is a backup that we can read.
func (x *extraction) format() error {
	h, err := x.next()
	if errors.Is(err, io.EOF) || err == nil && h.Name != formatName {
		return fmt.Errorf("%w: it is no Gatehouse backup", ErrDamaged)
	}
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(x.tar, 100))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, x.at, err)
	}
	if string(text) == formatText {
		return nil
	}
	var version int
	if _, err := fmt.Sscanf(string(text), formatLine, &version); err != nil {
		return fmt.Errorf("%w: it is no Gatehouse backup", ErrDamaged)
	}
	return fmt.Errorf("its format is %d and this version reads %d: restore with the version that wrote it", version, formatVersion)
}

// extract writes one member and notes what it turned out to be.
func (x *extraction) extract(h *tar.Header) error {
	m, err := parseMember(h)
	if err != nil {
		return err
	}
	if m.dir {
		if err := x.makeDir(m); err != nil {
			return err
		}
	} else if m.sum, err = x.makeFile(m, h); err != nil {
		return err
	}
	_, err = x.list.WriteString(m.line())
	return err
}

func (x *extraction) makeDir(m member) error {
	x.dirs = append(x.dirs, m)
	if m.name == "." {
		return nil
	}
	if err := x.root.Mkdir(m.name, 0o700); err != nil {
		return fmt.Errorf("make folder %s: %w", m.name, err)
	}
	return nil
}

func (x *extraction) makeFile(m member, h *tar.Header) (sum string, err error) {
	f, err := x.root.OpenFile(m.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("make file %s: %w", m.name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	body := &source{r: x.tar}
	if _, err := io.Copy(io.MultiWriter(f, hash), body); body.err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrDamaged, x.at, body.err)
	} else if err != nil {
		return "", err
	}
	if err := protect(f, m); err != nil {
		return "", err
	}
	if err := x.root.Chtimes(m.name, h.ModTime, h.ModTime); err != nil {
		return "", err
	}
	x.summary.Files++
	x.summary.Bytes += m.size
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// compare reads the manifest beside what was read; the first line that differs names the member.
func (x *extraction) compare() error {
	if _, err := x.list.Seek(0, io.SeekStart); err != nil {
		return err
	}
	want, got := bufio.NewReader(x.tar), bufio.NewReader(x.list)
	for {
		wantLine, wantErr := want.ReadBytes('\n')
		gotLine, gotErr := got.ReadBytes('\n')
		if wantErr != nil && !errors.Is(wantErr, io.EOF) {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, x.at, wantErr)
		}
		if gotErr != nil && !errors.Is(gotErr, io.EOF) {
			return gotErr
		}
		if !bytes.Equal(wantLine, gotLine) {
			return fmt.Errorf("%w: the manifest says %.400q and the archive holds %.400q", ErrDamaged, wantLine, gotLine)
		}
		if wantErr != nil {
			return nil
		}
	}
}

// source remembers that reading failed, to tell it from writing that failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}
