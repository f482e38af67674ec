package ca

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// The files of a Set in its folder. Each key has its public half beside it, with .pub.
const (
	AgentKeyFile  = "agent_ca"
	TargetKeyFile = "target_ca"
	HostKeyFile   = "host_ca"
	FaceKeyFile   = "face_ca"
	SerialsFile   = "serials"
)

// Set is the four CAs of one Gatehouse, in one folder that belongs to the decider.
type Set struct {
	Agent  *AgentCA
	Target *TargetCA
	Host   *HostCA
	Face   *FaceCA

	dir     string
	signers Signers
	now     func() time.Time
	fault   func(point string) // for tests: called between the durable steps of a change

	mu       sync.Mutex               // one step of a rotation at a time
	manifest atomic.Pointer[Manifest] // what is on disk; it does not change
}

// Signers says where each CA's key is. The zero value: in unencrypted files. Dir is filled in.
type Signers struct{ Agent, Target, Host, Face SignerConfig }

// Secrets are the passphrases and PINs that the signers need, to be resolved in place.
func (s *Signers) Secrets() []*SecretConfig {
	var given []*SecretConfig
	for _, c := range []*SignerConfig{&s.Agent, &s.Target, &s.Host, &s.Face} {
		for _, secret := range []*SecretConfig{&c.Passphrase, &c.PIN} {
			if secret.Given() {
				given = append(given, secret)
			}
		}
	}
	return given
}

// Open is OpenWith for keys in unencrypted files.
func Open(dir string, now func() time.Time) (*Set, error) { return OpenWith(dir, Signers{}, now) }

// OpenWith loads the four CAs in dir as the manifest there says. A folder without one gets one, with the first keys that are
// there, and with new ones in the place of those that are not; later on a key that is missing is never made again. Two CAs with
// one key are refused: what one signs, the other's believers would accept. now may be nil for time.Now.
func OpenWith(dir string, signers Signers, now func() time.Time) (*Set, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open CAs: %w", err)
	}
	serials, err := OpenSerials(filepath.Join(dir, SerialsFile), now)
	if err != nil {
		return nil, err
	}
	s := &Set{dir: dir, signers: signers, now: now, fault: func(string) {}}
	m, err := ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		m, err = s.firstManifest()
	}
	if err != nil {
		return nil, err
	}
	s.manifest.Store(&m)
	var configs [4]Config
	for i, name := range Names() {
		if configs[i], err = s.load(m, name); err != nil {
			return nil, err
		}
		configs[i].Serials = serials
	}
	if err := s.putAway(m); err != nil {
		return nil, err
	}
	return s, s.build(configs[0], configs[1], configs[2], configs[3])
}

// load opens the key that signs.
func (s *Set) load(m Manifest, name Name) (Config, error) {
	key, _ := m.Key(name, Active)
	signer, err := s.openKey(m, name, key)
	if err != nil {
		return Config{}, err
	}
	trusted, err := m.Trusted(name)
	return Config{Signer: signer, Trusted: trusted, Now: s.now}, err
}

// openOrCreate makes a key where there is none yet. Of two processes that race, both get the same.
func openOrCreate(cfg SignerConfig, name string) (Signer, error) {
	signer, err := OpenSigner(cfg, name)
	if !errors.Is(err, ErrNoKey) {
		return signer, err
	}
	signer, err = CreateSigner(cfg, name)
	if errors.Is(err, fs.ErrExist) {
		return OpenSigner(cfg, name)
	}
	return signer, err
}

func (s *Set) build(agent, target, host, face Config) error {
	var errs [4]error
	s.Agent, errs[0] = NewAgentCA(agent)
	s.Target, errs[1] = NewTargetCA(target)
	s.Host, errs[2] = NewHostCA(host)
	s.Face, errs[3] = NewFaceCA(face)
	return errors.Join(errs[:]...)
}

// Close gives the keys up; nothing can be signed afterwards.
func (s *Set) Close() error {
	var errs []error
	for _, name := range Names() {
		l := s.authority(name).live
		l.mu.Lock()
		if c, ok := l.signer.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}
