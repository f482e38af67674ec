package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/ca"
)

// CA says where the keys of the four certificate authorities are: each for itself, or All for those that are not named.
// Without any, in unencrypted files.
type CA struct {
	All    *Signer `yaml:"all"`
	Agent  *Signer `yaml:"agent"`
	Target *Signer `yaml:"target"`
	Host   *Signer `yaml:"host"`
	Face   *Signer `yaml:"face"`

	Paths       []string          `yaml:"paths"`       // what a PKCS#11 module needs besides: folders to read and write, files to read
	Environment map[string]string `yaml:"environment"` // what it is configured by, such as SOFTHSM2_CONF
}

// Signer is where one CA's key is.
type Signer struct {
	Kind       string        `yaml:"signer"`     // file, ssh-agent or pkcs11
	Passphrase *Secret       `yaml:"passphrase"` // what encrypts keys in files
	Socket     string        `yaml:"socket"`     // ssh-agent
	Module     string        `yaml:"module"`     // pkcs11: the library
	Token      string        `yaml:"token"`      // pkcs11: the token's label
	PIN        *Secret       `yaml:"pin"`        // pkcs11
	Timeout    time.Duration `yaml:"timeout"`    // ssh-agent, pkcs11: of one signature
}

// Secret is where a passphrase or a PIN comes from: one of three.
type Secret struct {
	File       string `yaml:"file"`
	Env        string `yaml:"env"`
	Credential string `yaml:"credential"` // of systemd
}

// The bounds of a signer's time-out.
const (
	minTimeout = 100 * time.Millisecond
	maxTimeout = 30 * time.Second
)

// maxEnvironment bounds what a module is configured by, and the paths it needs.
const maxEnvironment = 32

var variableForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// namedSigner is a signer and its name in the file.
type namedSigner struct {
	name string
	*Signer
}

// named are the signers that the file holds.
func (c *CA) named() []namedSigner {
	if c == nil {
		return nil
	}
	all := []namedSigner{{"all", c.All}, {"agent", c.Agent}, {"target", c.Target}, {"host", c.Host}, {"face", c.Face}}
	return slices.DeleteFunc(all, func(s namedSigner) bool { return s.Signer == nil })
}

// Signers is what the CAs are opened with. Their secrets are not read yet. An ssh-agent may run as the decider's user.
func (c *CA) Signers(users Users) ca.Signers {
	if c == nil {
		return ca.Signers{}
	}
	pick := func(s *Signer) ca.SignerConfig {
		if s == nil {
			s = c.All
		}
		cfg := s.config()
		cfg.User = users.Decider
		return cfg
	}
	return ca.Signers{Agent: pick(c.Agent), Target: pick(c.Target), Host: pick(c.Host), Face: pick(c.Face)}
}

func (s *Signer) config() ca.SignerConfig {
	if s == nil {
		return ca.SignerConfig{Kind: ca.FileSigner}
	}
	return ca.SignerConfig{Kind: s.Kind, Passphrase: s.Passphrase.config(), Socket: s.Socket, Module: s.Module, Token: s.Token,
		PIN: s.PIN.config(), Timeout: s.Timeout}
}

func (s *Secret) config() ca.SecretConfig {
	if s == nil {
		return ca.SecretConfig{}
	}
	return ca.SecretConfig{File: s.File, Env: s.Env, Credential: s.Credential}
}

// resolve makes paths in the file relative to it.
func (c *CA) resolve(base string) {
	absolute := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	for _, s := range c.named() {
		absolute(&s.Socket)
		for _, secret := range []*Secret{s.Passphrase, s.PIN} {
			if secret != nil {
				absolute(&secret.File)
			}
		}
	}
	if c != nil {
		for i := range c.Paths {
			absolute(&c.Paths[i])
		}
	}
}

// validate reports every fault of the section.
func (c *CA) validate(bad func(at, format string, args ...any)) {
	for _, s := range c.named() {
		at := "$.ca." + s.name
		if err := s.check(); err != nil {
			bad(at, "ca.%s: %v", s.name, err)
		}
		if s.Timeout != 0 && (s.Timeout < minTimeout || s.Timeout > maxTimeout) {
			bad(at+".timeout", "ca.%s: timeout %s: want %s to %s", s.name, s.Timeout, minTimeout, maxTimeout)
		}
	}
	if c == nil {
		return
	}
	if len(c.Paths) > maxEnvironment || len(c.Environment) > maxEnvironment {
		bad("$.ca", "ca: more than %d paths or variables", maxEnvironment)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		if !variableForm.MatchString(name) || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "GO") {
			bad("$.ca.environment", "ca.environment: %q is not a variable that a PKCS#11 module is configured by", name)
		}
	}
}

func (s *Signer) check() error {
	if s.Kind == "" {
		return errors.New("signer is missing: file, ssh-agent or pkcs11")
	}
	for _, secret := range []*Secret{s.Passphrase, s.PIN} {
		if secret != nil && *secret == (Secret{}) {
			return errors.New("a passphrase or pin needs a source: file, env or credential")
		}
	}
	cfg := s.config()
	if err := cfg.Validate(); err != nil {
		return err
	}
	if s.Kind == ca.FileSigner && s.Timeout != 0 {
		return errors.New("a file needs no timeout")
	}
	if s.Kind == ca.PKCS11Signer && !filepath.IsAbs(s.Module) {
		return fmt.Errorf("module %q: want an absolute path", s.Module)
	}
	return nil
}

// Modules are the PKCS#11 libraries in use, each once.
func (c *CA) Modules() []string {
	var list []string
	for _, s := range c.named() {
		if s.Module != "" && !slices.Contains(list, s.Module) {
			list = append(list, s.Module)
		}
	}
	slices.Sort(list)
	return list
}

// NeedsSocket reports whether a key is behind an ssh-agent's socket.
func (c *CA) NeedsSocket() bool {
	for _, s := range c.named() {
		if s.Kind == ca.AgentSigner {
			return true
		}
	}
	return false
}

// Places are the signers that the file holds, by where in it they are.
func (c *CA) Places() map[string]Signer {
	out := map[string]Signer{}
	for _, s := range c.named() {
		out["ca."+s.name] = *s.Signer
	}
	return out
}
