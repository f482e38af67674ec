package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Read reads the signatures of a policy; there may be none.
func Read(path string) ([]Signature, error) {
	text, err := ReadText(path)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// ReadText is Read without parsing; empty if there is no file.
func ReadText(path string) ([]byte, error) {
	info, err := os.Stat(File(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read signatures: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("read signatures: %s is larger than %d bytes", File(path), maxFile)
	}
	text, err := os.ReadFile(File(path))
	if err != nil {
		return nil, fmt.Errorf("read signatures: %w", err)
	}
	return text, nil
}

// Write replaces the signatures of a policy.
func Write(path string, list []Signature) error {
	tmp := File(path) + ".new"
	if err := os.WriteFile(tmp, Format(list), 0o644); err != nil {
		return fmt.Errorf("write signatures: %w", err)
	}
	if err := os.Rename(tmp, File(path)); err != nil {
		return fmt.Errorf("write signatures: %w", err)
	}
	return nil
}

// NextSerial is the serial for a signature: a new one for an author, the newest author's for a reviewer.
func NextSerial(list []Signature, role Role) (uint64, error) {
	var last, authors uint64
	for _, s := range list {
		last = max(last, s.Serial)
		if s.Role == Author {
			authors = max(authors, s.Serial)
		}
	}
	if role == Author {
		return last + 1, nil
	}
	if authors == 0 {
		return 0, errors.New("there is no author's signature to review: the author signs first")
	}
	return authors, nil
}

// Add puts a signature into a list. Those of other serials go: they were of another version of the policy. An earlier one by
// the same key in the same role is replaced.
func Add(list []Signature, s Signature) []Signature {
	list = slices.DeleteFunc(slices.Clone(list), func(o Signature) bool {
		return o.Serial != s.Serial || o.Role == s.Role && bytes.Equal(o.Sig.PublicKey.Marshal(), s.Sig.PublicKey.Marshal())
	})
	return append(list, s)
}
