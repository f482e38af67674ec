package ca

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"

	"gatehouse/policy"
)

// Bounds of what goes into certificates. They are chosen so that the longest key ID is exactly MaxKeyID bytes.
const (
	MaxName  = 48  // agent, person, group and target names
	MaxTask  = 48  // task references
	MaxID    = 30  // request and connection ids: a type prefix and a ULID
	MaxLogin = 32  // accounts, as useradd(8) bounds them
	MaxKeyID = 256 // key IDs

	MaxDelegation = 512 // a chain of delegation
)

// checkName accepts the names of agents, people, groups and targets: no separator of a principal or key ID is in them.
func checkName(what, s string) error {
	if s == "" || len(s) > MaxName {
		return fmt.Errorf("%s %q: want 1 to %d characters", what, s, MaxName)
	}
	if !isAlnum(s[0]) || !consistsOf(s, "._@+-") {
		return fmt.Errorf("%s %q: want letters, digits and . _ @ + -, beginning with a letter or digit", what, s)
	}
	return nil
}

// checkOwner accepts "person:NAME", "group:NAME" and "" (an owner that policy alone knows).
func checkOwner(s string) error {
	if s == "" {
		return nil
	}
	kind, name, _ := strings.Cut(s, ":")
	if kind != "person" && kind != "group" {
		return fmt.Errorf("owner %q: want person:NAME or group:NAME", s)
	}
	return checkName("owner", name)
}

// checkTask accepts printable ASCII without the separators of a key ID, or nothing.
func checkTask(s string) error {
	if len(s) > MaxTask {
		return fmt.Errorf("task %q: want at most %d characters", s, MaxTask)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == ';' || s[i] == '=' {
			return fmt.Errorf("task %q: want printable ASCII without ; and =", s)
		}
	}
	return nil
}

// checkLogin accepts account names.
func checkLogin(l policy.Login) error {
	s := string(l)
	if s == "" || len(s) > MaxLogin || s[0] != '_' && !isAlnum(s[0]) || !consistsOf(s, "._-") {
		return fmt.Errorf("login %q: want 1 to %d letters, digits and . _ -", s, MaxLogin)
	}
	return nil
}

// checkID accepts ids such as con_01J….
func checkID(what, s string) error {
	if s == "" || len(s) > MaxID || !consistsOf(s, "_-") {
		return fmt.Errorf("%s id %q: want 1 to %d letters, digits, _ and -", what, s, MaxID)
	}
	return nil
}

// checkHostName accepts what a host certificate may name. Wildcards are refused: OpenSSH clients expand them.
func checkHostName(s string) error {
	if s == "" || len(s) > 253 || !isAlnum(s[0]) && s[0] != ':' || !consistsOf(s, "._:-") {
		return fmt.Errorf("host name %q: want a name or address without wildcards or port", s)
	}
	if s != strings.ToLower(s) {
		return fmt.Errorf("host name %q: want lower case, as clients compare it so", s)
	}
	return nil
}

// checkIdentity accepts an identity whose every field can stand in a certificate.
func checkIdentity(i policy.Identity) error {
	if i.Kind != policy.Agent && i.Kind != policy.Person {
		return fmt.Errorf("identity kind %q: want agent or person", i.Kind)
	}
	if i.Kind == policy.Person && i.Owner != "" {
		return fmt.Errorf("owner %q: a person has none", i.Owner)
	}
	return cmp.Or(checkName(string(i.Kind), i.Name), checkOwner(i.Owner), checkTask(i.Task), checkDelegation(i.Delegation))
}

// checkDelegation accepts names of printable ASCII without the separators of a key ID or of a list, joined by ">"; or nothing.
func checkDelegation(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > MaxDelegation {
		return fmt.Errorf("delegation of %d bytes: want at most %d", len(s), MaxDelegation)
	}
	for name := range strings.SplitSeq(s, ">") {
		if name == "" {
			return fmt.Errorf("delegation %q: a name in it is empty", s)
		}
		for i := range len(name) {
			if c := name[i]; c <= 0x20 || c > 0x7e || c == ';' || c == '=' || c == ',' {
				return fmt.Errorf("delegation %q: want printable ASCII without space ; = and ,", s)
			}
		}
	}
	return nil
}

// keyID is the line that names who acts, for whom and why, in our logs and in the target's. Empty parts are left out.
// The identity and the ids must have passed their checks.
func keyID(i policy.Identity, request, connection string) string {
	who := "agt="
	if i.Kind == policy.Person {
		who = "per="
	}
	id := who + i.Name
	for _, part := range [][2]string{{"own", i.Owner}, {"task", i.Task}, {"req", request}, {"con", connection}} {
		if part[1] != "" {
			id += ";" + part[0] + "=" + part[1]
		}
	}
	if i.Delegation == "" {
		return id
	}
	if via := ";via=" + i.Delegation; len(id)+len(via) <= MaxKeyID {
		return id + via
	}
	// A chain that does not fit is named by its hash; the audit entry of the serial has it whole.
	return id + fmt.Sprintf(";via=~%.6x", sha256.Sum256([]byte(i.Delegation)))
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// consistsOf says whether s has only ASCII letters, digits and the characters of extra.
func consistsOf(s, extra string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return true
}
