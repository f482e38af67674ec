package ca

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/crypto/ssh"
)

// Rotated is what a step of a rotation does.
type Rotated struct {
	CA     Name
	Step   Step
	Change int      // of the manifest
	Signs  Key      // the key that signs after the step
	Other  *Key     // the one trusted beside it, if there is one
	Ends   *Key     // the one that is trusted no more, if there is one
	Before Manifest // as it was
	After  Manifest
}

// Manifest is what is on disk about the keys. It does not change; a step makes another.
func (s *Set) Manifest() Manifest { return *s.manifest.Load() }

// Describe says where the key that signs for a CA is.
func (s *Set) Describe(name Name) string {
	l := s.authority(name).live
	l.mu.RLock()
	signer := l.signer
	l.mu.RUnlock()
	if d, ok := signer.(interface{ Describe() string }); ok {
		return d.Describe()
	}
	return ssh.FingerprintSHA256(signer.PublicKey())
}

func (s *Set) authority(name Name) *authority {
	return map[Name]*authority{NameAgent: &s.Agent.authority, NameTarget: &s.Target.authority, NameHost: &s.Host.authority, NameFace: &s.Face.authority}[name]
}

// Rotate takes one step. Whether it is safe for those who believe the CA is for the caller to know.
//
// In this order, each durable before the next: a prepared key exists and has signed; note has written the audit entry, and its
// error is the end of the step; the manifest says so; this process acts so; a file that nobody trusts is put away. A crash
// before the manifest leaves everything as it was: a prepared key that was made is found and used by the next prepare. A crash
// after it leaves the step done.
func (s *Set) Rotate(name Name, step Step, note func(Rotated) error) (Rotated, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.authority(name) == nil {
		return Rotated{}, fmt.Errorf("%q is no CA: %v are", name, Names())
	}
	// 1. The step is possible: the key that will sign does.
	m := s.Manifest()
	made, signer, err := s.ready(m, name, step)
	if err != nil {
		return Rotated{}, fmt.Errorf("%s the %s CA: %w", step, name, err)
	}
	out, err := m.rotated(name, step, s.now(), made, s.now())
	if err != nil {
		return Rotated{}, errors.Join(err, closeSigner(signer))
	}
	s.fault("ready")
	// 2. It is on record.
	if err := note(out); err != nil {
		return Rotated{}, errors.Join(err, closeSigner(signer))
	}
	s.fault("noted")
	// 3. and 4. It is durable, then in force.
	if err := s.enforce(&out, made, signer); err != nil {
		return Rotated{}, errors.Join(err, closeSigner(signer))
	}
	s.fault("in force")
	// 5. What is trusted no more goes out of the way.
	return out, s.putAway(out.After)
}

func closeSigner(signer Signer) error {
	if signer == nil {
		return nil
	}
	return signer.Close()
}

// rotated is the step on the manifest.
func (m Manifest) rotated(name Name, step Step, at time.Time, made *Key, lastEnd time.Time) (Rotated, error) {
	after, err := m.after(name, step, at, made, lastEnd)
	if err != nil {
		return Rotated{}, err
	}
	out := Rotated{CA: name, Step: step, Change: after.Change, Before: m, After: after}
	out.Signs, _ = after.Key(name, Active)
	for _, state := range []State{Next, Old} {
		if k, ok := after.Key(name, state); ok {
			out.Other = &k
		}
	}
	if k, ok := m.Removes(name, step); ok {
		_, gone, _ := after.Find(k.Fingerprint)
		out.Ends = &gone
	}
	return out, nil
}

// ready makes the key of a prepare, or opens the one that a switch, or its undoing, will sign with. It has signed once.
func (s *Set) ready(m Manifest, name Name, step Step) (made *Key, signer Signer, err error) {
	switch step {
	case Prepare:
		made, err = s.prepare(m, name)
		return made, nil, err
	case Switch, UndoSwitch:
		from := Next
		if step == UndoSwitch {
			from = Old
		}
		key, ok := m.Key(name, from)
		if !ok {
			return nil, nil, fmt.Errorf("it has no %s key", from)
		}
		if signer, err = s.openKey(m, name, key); err != nil {
			return nil, nil, err
		}
		if err := proves(signer, rand.Reader); err != nil {
			return nil, nil, errors.Join(err, signer.Close())
		}
		return nil, signer, nil
	}
	return nil, nil, nil
}

// prepare makes the next key, or takes the one that an earlier prepare made before it was interrupted.
func (s *Set) prepare(m Manifest, name Name) (*Key, error) {
	if phase := m.Phase(name); phase != Steady {
		return nil, fmt.Errorf("it is %s", phase)
	}
	cfg, err := s.config(name, "")
	if err != nil {
		return nil, err
	}
	generation, file := m.newGeneration(name)
	signer, err := CreateSigner(cfg, file)
	if errors.Is(err, fs.ErrExist) {
		signer, err = OpenSigner(cfg, file)
	} else if cfg.Kind == AgentSigner { // cannot make keys; one may have been added
		if added, openErr := OpenSigner(cfg, file); openErr == nil {
			signer, err = added, nil
		}
	}
	if err != nil {
		return nil, err
	}
	s.fault("made")
	if err := proves(signer, rand.Reader); err != nil {
		return nil, errors.Join(err, signer.Close())
	}
	key := newKey(generation, file, cfg.Kind, Next, s.now(), signer.PublicKey())
	return &key, signer.Close()
}

// enforce makes the manifest durable and then acts by it. A change of the signing key waits for what is being signed, so that
// the end of the last certificate by the former one is known.
func (s *Set) enforce(out *Rotated, made *Key, signer Signer) error {
	a := s.authority(out.CA)
	durable := func(lastEnd time.Time) ([]ssh.PublicKey, error) {
		final, err := out.Before.rotated(out.CA, out.Step, s.now(), made, lastEnd)
		if err != nil {
			return nil, err
		}
		trusted, err := final.After.Trusted(out.CA)
		if err != nil {
			return nil, err
		}
		if err := final.After.write(s.dir); err != nil {
			return nil, err
		}
		*out = final
		s.manifest.Store(&final.After)
		s.fault("durable")
		return trusted, nil
	}
	if signer != nil {
		return a.live.replace(signer, a.longest, s.now(), durable)
	}
	trusted, err := durable(time.Time{})
	if err != nil {
		return err
	}
	a.live.trust(trusted)
	return nil
}
