// Package revoke knows what can be revoked and what is: handles, revocations, and an index that answers whether anything
// stands against somebody.
//
// It is pure: no files, no network; time comes from its caller. It trusts whoever fills the index. It guarantees that a
// revocation stands from Add until Remove or its own end, whatever else is added or removed meanwhile; that a handle matches
// by exact comparison; and that a question costs a few look-ups however many revocations there are.
package revoke

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/policy"
)

// Kind says what a handle names.
type Kind string

// The kinds of handles. Each is the text before the first colon.
const (
	Certificate Kind = "certificate" // one certificate, by its serial
	Key         Kind = "key"         // a key and every certificate of it, by its fingerprint
	Agent       Kind = "agent"       // an agent, also where it handed work on
	Person      Kind = "person"      // a person, also where they handed work on
	Owner       Kind = "owner"       // every agent of exactly that owner, "person:NAME" or "group:NAME"
	Task        Kind = "task"        // whatever was issued for that task
	CA          Kind = "ca"          // every certificate that a CA's key signed, by the key's fingerprint
)

// Bounds of what a handle holds; those of certificates.
const (
	maxName = 63
	maxTask = 48
)

// Handle names what is revoked. It is comparable.
type Handle struct {
	Kind  Kind
	Value string
}

// String is the form that Parse reads: "agent:bot", "key:SHA256:…", "owner:group:web".
func (h Handle) String() string { return string(h.Kind) + ":" + h.Value }

// Parse reads a handle. It accepts one form of each and refuses what it does not understand.
func Parse(s string) (Handle, error) {
	kind, value, _ := strings.Cut(s, ":")
	h := Handle{Kind(kind), value}
	err := h.check()
	if err != nil {
		return Handle{}, fmt.Errorf("cannot revoke %q: %w", cut(s), err)
	}
	return h, nil
}

func (h Handle) check() error {
	switch h.Kind {
	case Certificate:
		n, err := strconv.ParseUint(h.Value, 10, 64)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != h.Value {
			return fmt.Errorf("want certificate:SERIAL, a whole number as in ssh-keygen -L")
		}
	case Key, CA:
		return checkFingerprint(h.Kind, h.Value)
	case Agent, Person:
		if !validName(h.Value) {
			return fmt.Errorf("want %s:NAME", h.Kind)
		}
	case Owner:
		kind, name, _ := strings.Cut(h.Value, ":")
		if kind != "person" && kind != "group" || !validName(name) {
			return fmt.Errorf("want owner:person:NAME or owner:group:NAME")
		}
	case Task:
		if !validTask(h.Value) {
			return fmt.Errorf("want task:TEXT, 1 to %d printable ASCII characters without ; and =", maxTask)
		}
	default:
		return fmt.Errorf("want certificate:SERIAL, key:SHA256:…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT or ca:SHA256:…")
	}
	return nil
}

func checkFingerprint(kind Kind, s string) error {
	_, ok := Handle{kind, s}.Digest()
	if !ok {
		return fmt.Errorf("want %s:SHA256:… as ssh-keygen -l prints it", kind)
	}
	return nil
}

// Digest is the SHA-256 that a Key or CA handle names.
func (h Handle) Digest() (sum [32]byte, ok bool) {
	text, found := strings.CutPrefix(h.Value, "SHA256:")
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if !found || err != nil || len(raw) != len(sum) || base64.RawStdEncoding.EncodeToString(raw) != text {
		return sum, false
	}
	return [32]byte(raw), h.Kind == Key || h.Kind == CA
}

// Serial is the serial that a Certificate handle names; 0 for the others.
func (h Handle) Serial() uint64 {
	if h.Kind != Certificate {
		return 0
	}
	n, _ := strconv.ParseUint(h.Value, 10, 64) // Parse has read it
	return n
}

// validName accepts every name that a certificate can carry, known to the policy or not: who was removed from it can still be
// revoked.
func validName(s string) bool {
	if s == "" || len(s) > maxName || strings.IndexByte("._@+-", s[0]) >= 0 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._@+-", c) >= 0) {
			return false
		}
	}
	return true
}

func validTask(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == ';' || s[i] == '=' {
			return false
		}
	}
	return s != "" && len(s) <= maxTask
}

func cut(s string) string { return s[:min(len(s), 100)] }

// Subject is somebody about whom is asked: the holder of a certificate, or who wants one. What is empty or 0 is not known, and
// matches nothing.
type Subject struct {
	Kind       policy.Kind
	Name       string
	Owner      string // agents: "person:ann", "group:web"
	Task       string
	Delegation string // who handed the work on, joined by ">"
	Key, CA    string // fingerprints, "SHA256:…"
	Serial     uint64
}

// handles are all that would stand against the subject.
func (s Subject) handles() []Handle {
	list := make([]Handle, 0, 8)
	add := func(kind Kind, value string) {
		if value != "" {
			list = append(list, Handle{kind, value})
		}
	}
	add(Kind(s.Kind), s.Name)
	add(Owner, s.Owner)
	add(Task, s.Task)
	add(Key, s.Key)
	add(CA, s.CA)
	if s.Serial != 0 {
		add(Certificate, strconv.FormatUint(s.Serial, 10))
	}
	if s.Delegation != "" {
		for name := range strings.SplitSeq(s.Delegation, ">") {
			if kind, rest, ok := strings.Cut(name, ":"); ok && (Kind(kind) == Agent || Kind(kind) == Person) {
				add(Kind(kind), rest)
			}
		}
	}
	return list
}
