package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// maxTargets bounds the inventory.
const maxTargets = 100_000

// Inventory is targets.yaml: which hosts there are. It grants nothing.
type Inventory struct {
	Version int               `yaml:"version" json:"-"`
	Targets map[string]Target `yaml:"targets" json:"targets"`
}

// Target is one host. A remote target has an address and exactly one way to be recognised: a pinned key or the host CA.
// There is no trust on first use. A local target is this machine.
type Target struct {
	Address string            `yaml:"address" json:"address,omitempty"`   // host:port
	Logins  []string          `yaml:"logins" json:"logins,omitempty"`     // remote only
	HostKey string            `yaml:"host_key" json:"host_key,omitempty"` // "ssh-ed25519 AAAA…"
	HostCA  bool              `yaml:"host_ca" json:"host_ca,omitempty"`   // a certificate by Gatehouse's host CA for the target's name
	Labels  map[string]string `yaml:"labels" json:"labels,omitempty"`
	Aliases []string          `yaml:"aliases" json:"aliases,omitempty"` // other names of it, each the target's alone
	Local   bool              `yaml:"local" json:"local,omitempty"`
	RunAs   map[string]string `yaml:"run_as" json:"run_as,omitempty"` // local only: login → a named unprivileged user of this machine
	Path    []string          `yaml:"path" json:"path,omitempty"`     // folders in which programs are looked up there, in order; empty means the usual ones
}

// HasLogin reports whether the target offers the login.
func (t Target) HasLogin(login string) bool {
	if t.Local {
		_, ok := t.RunAs[login]
		return ok
	}
	for _, l := range t.Logins {
		if l == login {
			return true
		}
	}
	return false
}

// LoadInventory reads and checks targets.yaml.
func LoadInventory(path string) (Inventory, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Inventory{}, fmt.Errorf("read targets: %w", err)
	}
	return ParseInventory(path, data)
}

// ParseInventory checks the text of a targets file; name is for its errors.
func ParseInventory(name string, data []byte) (Inventory, error) {
	var inv Inventory
	doc, err := decode(name, data, &inv)
	if err != nil {
		return Inventory{}, err
	}
	var errs []error
	if inv.Version != 1 {
		errs = append(errs, doc.errorAt("$.version", "version is %d, want 1", inv.Version))
	}
	if len(inv.Targets) > maxTargets {
		errs = append(errs, doc.errorAt("$.targets", "more than %d targets", maxTargets))
	}
	for name, t := range inv.Targets {
		if err := t.validate(name); err != nil {
			errs = append(errs, doc.errorAt("$.targets.'"+name+"'", "target %q: %v", name, err))
		}
	}
	return inv, errors.Join(append(errs, inv.checkAliases(doc)...)...)
}

// maxAliases bounds the other names of one target.
const maxAliases = 16

// checkAliases is about names by which a target cannot be known, or by which another one is.
func (inv Inventory) checkAliases(doc document) []error {
	var errs []error
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(inv.Targets)) {
		aliases := inv.Targets[name].Aliases
		at := "$.targets.'" + name + "'.aliases"
		if len(aliases) > maxAliases {
			errs = append(errs, doc.errorAt(at, "target %q: %d aliases, at most %d", name, len(aliases), maxAliases))
		}
		for i, alias := range aliases {
			problem := ""
			_, isName := inv.Targets[alias]
			switch other, isAlias := taken[alias]; {
			case !nameForm.MatchString(alias):
				problem = "is not a name (lower-case letters, digits, . _ -)"
			case isName:
				problem = "is the name of a target"
			case isAlias && other == name:
				problem = "is there twice"
			case isAlias:
				problem = fmt.Sprintf("is an alias of %q too", other)
			}
			if problem != "" {
				errs = append(errs, doc.errorAt(fmt.Sprintf("%s[%d]", at, i), "target %q: the alias %q %s", name, alias, problem))
			}
			taken[alias] = name
		}
	}
	return errs
}

func (t Target) validate(name string) error {
	if !nameForm.MatchString(name) {
		return errors.New("not a name (lower-case letters, digits, . _ -)")
	}
	if err := checkPath(t.Path); err != nil {
		return err
	}
	if t.Local {
		return t.validateLocal()
	}
	switch {
	case t.Address == "":
		return errors.New("address is missing (host:port)")
	case !hostPort(t.Address):
		return fmt.Errorf("address %q is not host:port", t.Address)
	case len(t.Logins) == 0:
		return errors.New("logins is missing")
	case t.RunAs != nil:
		return errors.New("run_as is for local targets")
	case (t.HostKey == "") == !t.HostCA:
		return errors.New("exactly one of host_key and host_ca is needed: a host is never trusted at first sight")
	}
	if t.HostKey != "" {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(t.HostKey)); err != nil {
			return fmt.Errorf("host_key is not a public key line such as \"ssh-ed25519 AAAA…\": %w", err)
		}
	}
	return checkLogins(t.Logins)
}

func (t Target) validateLocal() error {
	if t.Address != "" || t.HostKey != "" || t.HostCA || t.Logins != nil {
		return errors.New("a local target has run_as and nothing of address, logins, host_key, host_ca")
	}
	if len(t.RunAs) == 0 {
		return errors.New("run_as is missing (login: user)")
	}
	for login, user := range t.RunAs {
		if user == "root" || user == "0" || user == "" {
			return fmt.Errorf("login %q: run_as needs a named unprivileged user, not %q", login, user)
		}
		if _, err := strconv.Atoi(user); err == nil {
			return fmt.Errorf("login %q: run_as needs a user's name, not the number %s", login, user)
		}
		if err := checkLogins([]string{login}); err != nil {
			return err
		}
	}
	return nil
}

// maxPath bounds a target's search path.
const maxPath = 32

// checkPath is about the folders in which programs are looked up: a relative one would be whatever the command's folder is.
func checkPath(dirs []string) error {
	if len(dirs) > maxPath {
		return fmt.Errorf("path has %d folders, at most %d", len(dirs), maxPath)
	}
	for i, dir := range dirs {
		switch {
		case !path.IsAbs(dir):
			return fmt.Errorf("path: %q is not absolute, such as /usr/bin", dir)
		case path.Clean(dir) != dir || dir == "/":
			return fmt.Errorf("path: %q is not a folder's plain name: no . or .., no double slash, none at the end, and not / itself", dir)
		case strings.ContainsFunc(dir, func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' || r == utf8.RuneError }):
			return fmt.Errorf("path: %q has a colon, a control character or something that is no text", dir)
		case slices.Contains(dirs[:i], dir):
			return fmt.Errorf("path: %q is there twice", dir)
		}
	}
	return nil
}

func checkLogins(logins []string) error {
	for _, l := range logins {
		if !nameForm.MatchString(l) {
			return fmt.Errorf("login %q is not a name (lower-case letters, digits, . _ -)", l)
		}
	}
	return nil
}

// DialAddress returns the target's host and port.
func (t Target) DialAddress() (host, port string, err error) { return net.SplitHostPort(t.Address) }
