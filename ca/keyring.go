package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
)

// of is the configuration of a CA's signer.
func (s Signers) of(name Name) SignerConfig {
	return map[Name]SignerConfig{NameAgent: s.Agent, NameTarget: s.Target, NameHost: s.Host, NameFace: s.Face}[name]
}

// config is how a CA's keys of a kind are opened. A key in a file outlives the move of its CA to another kind of signer.
func (s *Set) config(name Name, kind string) (SignerConfig, error) {
	cfg := s.signers.of(name)
	cfg.Dir = s.dir
	if cfg.Kind == "" {
		cfg.Kind = FileSigner
	}
	switch {
	case kind == "" || kind == cfg.Kind:
		return cfg, nil
	case kind == FileSigner:
		return SignerConfig{Kind: FileSigner, Dir: s.dir, Passphrase: cfg.Passphrase}, nil
	}
	return SignerConfig{}, fmt.Errorf("the %s CA's key is held by a %s signer, and the configuration says %s: put it back, then rotate", name, kind, cfg.Kind)
}

// openKey opens a key of the manifest. A key that is not there now is waited for; another one under its name is refused.
func (s *Set) openKey(m Manifest, name Name, key Key) (Signer, error) {
	cfg, err := s.config(name, key.Signer)
	if err != nil {
		return nil, err
	}
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	return available(public, func() (Signer, error) {
		signer, err := OpenSigner(cfg, key.Name)
		if errors.Is(err, ErrNoKey) {
			return nil, fmt.Errorf("%w: %s lists it: restore it from a backup, or see \"A CA key is lost or stolen\" in docs/runbook.md", err, ManifestFile)
		}
		if err != nil {
			return nil, err
		}
		print := ssh.FingerprintSHA256(signer.PublicKey())
		if print == key.Fingerprint {
			return signer, nil
		}
		err = fmt.Errorf("%s in %s is %s, and %s says %s: restore one of the two", key.Name, s.dir, print, ManifestFile, key.Fingerprint)
		if _, other, ok := m.Find(print); ok {
			err = fmt.Errorf("%s and %s in %s are the same key: each CA needs its own", other.Name, key.Name, s.dir)
		}
		return nil, errors.Join(err, signer.Close())
	})
}

// firstManifest begins with the keys that an installation had before there was a manifest, or makes them.
func (s *Set) firstManifest() (Manifest, error) {
	if err := missingManifest(s.dir); err != nil {
		return Manifest{}, err
	}
	m := Manifest{Version: 1, CAs: map[Name][]Key{}}
	for _, name := range Names() {
		key, err := s.firstKey(name)
		if err != nil {
			return Manifest{}, err
		}
		m.CAs[name] = []Key{key}
	}
	return m, m.write(s.dir)
}

func (s *Set) firstKey(name Name) (Key, error) {
	cfg, err := s.config(name, "")
	if err != nil {
		return Key{}, err
	}
	file := filepath.Join(s.dir, name.file())
	if _, err := os.Lstat(file); err == nil && cfg.Kind != FileSigner {
		if signer, err := OpenSigner(cfg, name.file()); err == nil {
			return Key{}, errors.Join(fmt.Errorf("the %s CA has a key in %s and one in its %s signer: move one away", name, file, cfg.Kind), signer.Close())
		}
		cfg = SignerConfig{Kind: FileSigner, Dir: s.dir, Passphrase: cfg.Passphrase}
	}
	signer, err := openOrCreate(cfg, name.file())
	if err != nil {
		return Key{}, err
	}
	return newKey(1, name.file(), cfg.Kind, Active, s.now(), signer.PublicKey()), signer.Close()
}

func newKey(generation int, file, kind string, state State, at time.Time, public ssh.PublicKey) Key {
	return Key{Generation: generation, Name: file, Signer: kind, State: state, Since: at.UTC().Truncate(time.Second),
		Fingerprint: ssh.FingerprintSHA256(public), PublicKey: authorizedKey(public)}
}

// retiredSuffix marks the file of a key that nobody trusts any more. It is kept: evidence may need it, and nothing opens it.
const retiredSuffix = ".retired"

// putAway renames the files of keys that are retired or dropped. It is repeated at each start, for one that a crash prevented.
// A key in a token or an ssh-agent stays where it is.
func (s *Set) putAway(m Manifest) error {
	for _, name := range Names() {
		for _, k := range m.Keys(name) {
			if k.State.Trusted() || k.Signer != FileSigner {
				continue
			}
			path := filepath.Join(s.dir, k.Name)
			err := os.Rename(path, path+retiredSuffix)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if rmErr := os.Remove(path + ".pub"); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
				err = errors.Join(err, rmErr)
			}
			if err = errors.Join(err, syncDir(s.dir)); err != nil {
				return fmt.Errorf("put %s away: %w", path, err)
			}
		}
	}
	return nil
}
