package audit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// maxCheckpoint bounds a signed checkpoint with its cosignatures.
const maxCheckpoint = 64 << 10

// Cosignature says that a witness saw a checkpoint, and everything that it had seen before as its beginning (C2SP
// tlog-cosignature, cosignature/v1).
type Cosignature struct {
	Witness string
	At      time.Time // by the witness' clock
}

// ParseWitnesses reads witnesses' verifier keys, one a line; empty lines and lines that begin with # are passed over.
func ParseWitnesses(text string) ([]note.Verifier, error) {
	var all []note.Verifier
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		v, err := torchwood.NewCosignatureVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("witness key %q: %w", line, err)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no witness key in it")
	}
	return all, nil
}

// Cosignatures returns who of the witnesses has cosigned a checkpoint. The log's own signature must be good as well.
func Cosignatures(msg []byte, key note.Verifier, witnesses []note.Verifier) (Checkpoint, []Cosignature, error) {
	if len(msg) > maxCheckpoint {
		return Checkpoint{}, nil, fmt.Errorf("%w: a checkpoint of %d bytes, at most %d", ErrTooLarge, len(msg), maxCheckpoint)
	}
	cp, err := OpenCheckpoint(msg, key)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if len(witnesses) == 0 {
		return cp, nil, nil
	}
	n, err := note.Open(msg, note.VerifierList(witnesses...))
	var unsigned *note.UnverifiedNoteError
	if errors.As(err, &unsigned) {
		return cp, nil, nil
	}
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("cosignature: %w", err)
	}
	var out []Cosignature
	for _, s := range n.Sigs {
		at, err := torchwood.CosignatureTimestamp(s)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("cosignature of %s: %w", s.Name, err)
		}
		out = append(out, Cosignature{Witness: s.Name, At: time.Unix(at, 0).UTC()})
	}
	return cp, out, nil
}
