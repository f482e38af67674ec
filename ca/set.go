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
}

// Signers says where each CA's key is. The zero value: in unencrypted files. Dir is filled in.
type Signers struct{ Agent, Target, Host, Face SignerConfig }

// Open is OpenWith for keys in unencrypted files.
func Open(dir string, now func() time.Time) (*Set, error) { return OpenWith(dir, Signers{}, now) }

// OpenWith loads the four CAs in dir, and makes the folder and the keys that are not there yet. Two CAs with one key are
// refused: what one signs, the other's believers would accept. now may be nil for time.Now.
func OpenWith(dir string, signers Signers, now func() time.Time) (*Set, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open CAs: %w", err)
	}
	serials, err := OpenSerials(filepath.Join(dir, SerialsFile), now)
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	load := func(cfg SignerConfig, name string) (Config, error) {
		cfg.Dir = dir
		signer, err := openOrCreate(cfg, name)
		if err != nil {
			return Config{}, err
		}
		print := ssh.FingerprintSHA256(signer.PublicKey())
		if other, ok := seen[print]; ok {
			return Config{}, fmt.Errorf("%s and %s in %s are the same key: each CA needs its own", other, name, dir)
		}
		seen[print] = name
		return Config{Signer: signer, Serials: serials, Now: now}, nil
	}
	agent, err1 := load(signers.Agent, AgentKeyFile)
	target, err2 := load(signers.Target, TargetKeyFile)
	host, err3 := load(signers.Host, HostKeyFile)
	face, err4 := load(signers.Face, FaceKeyFile)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return newSet(agent, target, host, face)
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

func newSet(agent, target, host, face Config) (*Set, error) {
	var s Set
	var errs [4]error
	s.Agent, errs[0] = NewAgentCA(agent)
	s.Target, errs[1] = NewTargetCA(target)
	s.Host, errs[2] = NewHostCA(host)
	s.Face, errs[3] = NewFaceCA(face)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return &s, nil
}
