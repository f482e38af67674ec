package decider

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"filippo.io/age"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/recorder/seal"
)

// inputFile holds the identity that opens recorded input: one line, as age-keygen writes it. The door has its recipient alone.
const inputFile = "input.key"

// loadInputKey reads the identity that opens recorded input, or makes it.
func loadInputKey(path string) (*age.X25519Identity, error) {
	text, err := ca.ReadSecretFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeInputKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("input key %s: %w", path, err)
	}
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("input key %s: %w; restore it from a backup, or move it away for a new one: what was sealed for it then stays sealed", path, err)
	}
	return key, nil
}

func makeInputKey(path string) (*age.X25519Identity, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make input key: %w", err)
	}
	if err := ca.CreateSecretFile(path, []byte(key.String()+"\n")); err != nil {
		return nil, fmt.Errorf("make input key: %w", err)
	}
	return key, nil
}

// unseal hands out what opens the sealed input of one recording, to who may see what is masked. The entry is durable first.
func (d *Decider) unseal(ctx context.Context, in protocol.Unseal) (protocol.Unsealed, error) {
	if !id.Valid(id.Session, in.Session) {
		return protocol.Unsealed{}, invalid("%q is not a session id", in.Session)
	}
	if strings.TrimSpace(in.Reason) == "" {
		return protocol.Unsealed{}, invalid("opening sealed input needs a reason")
	}
	if _, err := d.authorize(ctx, protocol.Authorize{Who: in.Who, Verb: verbUnmask, Object: in.Session, Reason: in.Reason}); err != nil {
		return protocol.Unsealed{}, err
	}
	key, err := seal.Unwrap(d.input, in.Wrapped, in.Session)
	if err != nil {
		return protocol.Unsealed{}, refuse("the input of %s cannot be opened: its key is not of this installation, or not of this session", in.Session)
	}
	return protocol.Unsealed{Key: key}, nil
}

// verbUnmask shows what is masked: secrets in what a session printed, and its sealed input.
const verbUnmask = "sessions.unmask"
