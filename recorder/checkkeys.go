package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// KeyReport counts what CheckKeys saw.
type KeyReport struct {
	Recordings int // looked at
	Plain      int // not encrypted
	Encrypted  int // encrypted, whether or not a key is there
	Opened     int // of them, what the identities open
	Lost       int // of them, without a key file
}

// CheckKeys tries the identities on the key of every recording below dir; fault is called for each that they do not open.
func CheckKeys(ctx context.Context, dir string, ids []age.Identity, fault func(session, why string), sum *KeyReport) error {
	e := Encryption{Identities: ids}
	dec, err := newDecoder()
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("look at recordings: %w", err)
		}
		session, ok := strings.CutSuffix(d.Name(), fileSuffix)
		if !ok || !d.Type().IsRegular() {
			return nil
		}
		sum.Recordings++
		rd, err := openReader(path, dec, MaxMeta*2)
		if err != nil {
			fault(session, err.Error())
			return nil
		}
		defer rd.Close()
		if rd.header.Cipher == "" {
			sum.Plain++
			return nil
		}
		sum.Encrypted++
		key, err := readKeyFile(path)
		_, err = e.open(rd.header, key, err)
		var locked *EncryptedError
		switch {
		case err == nil:
			sum.Opened++
			return nil
		case errors.As(err, &locked) && locked.Lost:
			sum.Lost++
			fault(session, "has no key file: it was shredded, or the key file was lost")
		case locked != nil:
			fault(session, locked.Why+"; it is encrypted for "+locked.For)
		}
		return nil
	})
}
