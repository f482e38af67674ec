package ca

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ManifestFile lists every key that the CAs have or had, in the CA folder. It decides which key signs and which are trusted.
const ManifestFile = "keys.json"

// Bounds of the manifest. At maxKeys the oldest keys that nobody trusts are left out of it; their files stay.
const (
	maxManifest = 256 << 10
	maxKeys     = 64
)

// Name is one of the four CAs, as the manifest and the command line call it.
type Name string

// The CAs.
const (
	NameAgent  Name = "agent"
	NameTarget Name = "target"
	NameHost   Name = "host"
	NameFace   Name = "face"
)

// Names are the four CAs in the order in which they are shown.
func Names() []Name { return []Name{NameAgent, NameTarget, NameHost, NameFace} }

// file is the name of a CA's first key.
func (n Name) file() string { return string(n) + "_ca" }

// State is what a CA's key is for.
type State string

// The states of a key. Whoever believes a CA trusts its keys that are active, next or old, and no others.
const (
	Active  State = "active"  // it signs; every CA has exactly one
	Next    State = "next"    // it was prepared and does not sign yet
	Old     State = "old"     // it signed before the active one
	Retired State = "retired" // it signed and is trusted no more, for ever
	Dropped State = "dropped" // its preparation was undone; trusted no more, for ever
)

// Trusted says whether certificates by a key in this state are accepted.
func (s State) Trusted() bool { return s == Active || s == Next || s == Old }

// Key is one key of a CA.
type Key struct {
	Generation  int        `json:"generation"` // 1 for the first; never given twice
	Name        string     `json:"name"`       // of the file, PKCS#11 label or ssh-agent comment
	Signer      string     `json:"signer"`     // the kind of signer that holds it
	State       State      `json:"state"`
	Since       time.Time  `json:"since"`              // of this state; UTC, whole seconds
	LastEnd     *time.Time `json:"last_end,omitempty"` // when it stopped signing: no certificate by it is valid at or after this
	Fingerprint string     `json:"fingerprint"`        // "SHA256:…"
	PublicKey   string     `json:"public_key"`         // as authorized_keys has it, without a comment
}

// Public is the key itself.
func (k Key) Public() (ssh.PublicKey, error) {
	public, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(k.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("public key of %s: %w", k.Name, err)
	}
	if len(rest) > 0 || authorizedKey(public) != k.PublicKey || ssh.FingerprintSHA256(public) != k.Fingerprint {
		return nil, fmt.Errorf("public key and fingerprint of %s do not agree", k.Name)
	}
	return public, checkPublicKey(public)
}

func authorizedKey(key ssh.PublicKey) string {
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
}

// Manifest is the file's content. Change grows by one with every step of a rotation, and stands in its audit entry: an entry
// whose number comes again later is of a step that a crash kept from happening.
type Manifest struct {
	Version int            `json:"version"`
	Change  int            `json:"change"`
	CAs     map[Name][]Key `json:"cas"` // by generation
}

// ReadManifest reads the manifest in the CA folder; fs.ErrNotExist for one that is not there. What is not exactly as Gatehouse
// writes it is refused.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestFile)
	text, err := readBounded(path, maxManifest)
	if err != nil {
		return Manifest{}, fmt.Errorf("read CA keys: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return Manifest{}, fmt.Errorf("read CA keys: %s: %w; restore it from a backup", path, err)
	}
	return m, nil
}

func readBounded(path string, max int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > max {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, max)
	}
	return os.ReadFile(path)
}

func parseManifest(text []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, err
	}
	if d.More() {
		return Manifest{}, errors.New("more than one value")
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, text) {
		return Manifest{}, errors.New("it was edited: names, order and spacing are not as Gatehouse writes them")
	}
	return m, m.validate()
}

func (m Manifest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	return append(text, '\n'), err
}

// write replaces the file; the manifest is durable when it returns.
func (m Manifest) write(dir string) error {
	if err := m.validate(); err != nil {
		return fmt.Errorf("write CA keys: %w", err)
	}
	text, err := m.encode()
	if err != nil {
		return fmt.Errorf("write CA keys: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, ManifestFile), 0o600, text); err != nil {
		return fmt.Errorf("write CA keys: %w", err)
	}
	return nil
}

// validate holds the invariants of the state machine, so that no program and no hand can put another state on disk.
func (m Manifest) validate() error {
	if m.Version != 1 || m.Change < 0 || len(m.CAs) != len(Names()) {
		return fmt.Errorf("want version 1 and the CAs %v", Names())
	}
	seen := map[string]string{}
	for _, name := range Names() {
		if err := checkKeys(m.CAs[name]); err != nil {
			return fmt.Errorf("%s CA: %w", name, err)
		}
		for _, k := range m.CAs[name] {
			if other, ok := seen[k.Fingerprint]; ok {
				return fmt.Errorf("%s and %s are the same key: each CA needs its own", other, k.Name)
			}
			seen[k.Fingerprint] = k.Name
		}
	}
	return nil
}

func checkKeys(keys []Key) error {
	if len(keys) == 0 || len(keys) > maxKeys {
		return fmt.Errorf("%d keys, want 1 to %d", len(keys), maxKeys)
	}
	count := map[State]int{}
	for i, k := range keys {
		if i > 0 && k.Generation <= keys[i-1].Generation || k.Generation < 1 {
			return fmt.Errorf("generation %d is out of order", k.Generation)
		}
		if k.Name == "" || k.Name != filepath.Base(k.Name) || !consistsOf(k.Name, "._-") || k.Signer == "" || k.Since != k.Since.UTC().Truncate(time.Second) {
			return fmt.Errorf("generation %d has a name, signer or time that is none", k.Generation)
		}
		if _, err := k.Public(); err != nil {
			return err
		}
		count[k.State]++
	}
	if count[Active] != 1 || count[Next]+count[Old] > 1 || count[Active]+count[Next]+count[Old]+count[Retired]+count[Dropped] != len(keys) {
		return errors.New("want one active key, at most one next or old, and the rest retired or dropped")
	}
	return nil
}

// Keys are a CA's keys by generation; those that nobody trusts are among them.
func (m Manifest) Keys(name Name) []Key { return m.CAs[name] }

// Key returns the CA's key in that state, of which there is at most one: Active, Next or Old.
func (m Manifest) Key(name Name, state State) (Key, bool) {
	i := slices.IndexFunc(m.CAs[name], func(k Key) bool { return k.State == state })
	if i < 0 {
		return Key{}, false
	}
	return m.CAs[name][i], true
}

// Trusted are the keys that the CA's believers trust, the one that signs first.
func (m Manifest) Trusted(name Name) ([]ssh.PublicKey, error) {
	var out []ssh.PublicKey
	for _, state := range []State{Active, Next, Old} {
		k, ok := m.Key(name, state)
		if !ok {
			continue
		}
		public, err := k.Public()
		if err != nil {
			return nil, err
		}
		out = append(out, public)
	}
	return out, nil
}

// Find says which CA's key has the fingerprint.
func (m Manifest) Find(fingerprint string) (Name, Key, bool) {
	for _, name := range Names() {
		for _, k := range m.CAs[name] {
			if k.Fingerprint == fingerprint {
				return name, k, true
			}
		}
	}
	return "", Key{}, false
}

// with returns a copy in which the CA's keys are these, one change further.
func (m Manifest) with(name Name, keys []Key) Manifest {
	out := Manifest{Version: 1, Change: m.Change + 1, CAs: map[Name][]Key{}}
	for n, k := range m.CAs {
		out.CAs[n] = slices.Clone(k)
	}
	for len(keys) > maxKeys {
		i := slices.IndexFunc(keys, func(k Key) bool { return !k.State.Trusted() })
		keys = slices.Delete(slices.Clone(keys), i, i+1)
	}
	out.CAs[name] = keys
	return out
}

// missingManifest says why a folder without a manifest cannot be one that never had one.
func missingManifest(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open CAs: %w", err)
	}
	for _, e := range entries {
		for _, name := range Names() {
			if strings.HasPrefix(e.Name(), name.file()+".") && e.Name() != name.file()+".pub" {
				return fmt.Errorf("open CAs: %s is there, so there was a rotation, but %s is not: restore it from a backup", e.Name(), filepath.Join(dir, ManifestFile))
			}
		}
	}
	return nil
}
