package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// version is that of the canonical form, of the text and of the challenge (docs/spec/access.md).
const version = 1

// SignatureNamespace is the namespace of signatures by ssh-keygen -Y sign over a request's Text.
const SignatureNamespace = "approval@gatehouse"

// challengePrefix begins what a challenge is the hash of.
const challengePrefix = "gatehouse approval v1\n"

// canonicalRequest is what is approved of a request. Scope and Need are whole: a field that they get later is part of it.
type canonicalRequest struct {
	V       int               `json:"v"`
	ID      string            `json:"id"`
	By      Requester         `json:"by"`
	Scope   Scope             `json:"scope"`
	Reason  string            `json:"reason"`
	Ticket  string            `json:"ticket"`
	Need    []policy.Approval `json:"need"`
	Rules   []string          `json:"rules"`
	Policy  string            `json:"policy"`
	Made    string            `json:"made"`
	Expires string            `json:"expires"`
	Barred  []string          `json:"barred"`
}

// Canonical is exactly what is approved, as one line of JSON: nothing of it changes later, and nothing that changes later is in it. It is
// injective for requests that Validate accepts.
func (r Request) Canonical() []byte {
	return encode(canonicalRequest{
		V: version, ID: r.ID, By: r.By, Scope: r.Scope, Reason: r.Reason, Ticket: r.Ticket, Need: r.Need, Rules: r.Rules,
		Policy: r.Policy, Made: stamp(r.Made), Expires: stamp(r.Expires), Barred: r.Barred,
	})
}

// Hash is the SHA-256 of the canonical form, "sha256:" and 64 hex digits.
func (r Request) Hash() string {
	sum := sha256.Sum256(r.Canonical())
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Challenge is the WebAuthn challenge that binds an assertion to this request and nonce: SHA-256 of a prefix, the nonce, and the 32 bytes of
// the hash.
func (r Request) Challenge(nonce []byte) []byte {
	sum := sha256.Sum256(r.Canonical())
	whole := sha256.Sum256(slices.Concat([]byte(challengePrefix), nonce, sum[:]))
	return whole[:]
}

// Canonical is the command as one line of JSON, its files by their paths. Two commands are one if these are equal.
func (c Command) Canonical() []byte {
	c.Files = slices.Clone(c.Files)
	slices.SortFunc(c.Files, func(a, b FileState) int { return strings.Compare(a.Path, b.Path) })
	return encode(c)
}

// final reports whether it is what runs, to the byte. A command that is approved together with a role, which its requester does not hold, may
// be one as it was asked: nobody looked at the target for it yet.
func (c Command) final() bool { return c.Plan.ValidateFinal() == nil }

// Same reports whether two commands are one, files included.
func (c Command) Same(other Command) bool { return bytes.Equal(c.Canonical(), other.Canonical()) }

// Changed compares two commands: alike is true if nothing but files may differ, and files are the paths of those that do, sorted.
func (c Command) Changed(other Command) (files []string, alike bool) {
	states := [2]map[string]string{stateOf(c.Files), stateOf(other.Files)}
	for i, mine := range states {
		for path, state := range mine {
			if theirs, known := states[1-i][path]; !known || theirs != state {
				files = append(files, path)
			}
		}
	}
	slices.Sort(files)
	c.Files, other.Files = nil, nil
	return slices.Compact(files), c.Same(other)
}

func stateOf(files []FileState) map[string]string {
	states := make(map[string]string, len(files))
	for _, f := range files {
		states[f.Path] = string(encode(f))
	}
	return states
}

// Same reports whether two scopes give exactly the same.
func (s Scope) Same(other Scope) bool { return bytes.Equal(encode(s), encode(other)) }

// encode is JSON without a newline at its end, and without the escapes that only web pages need.
func encode(v any) []byte {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // only strings, numbers, booleans and lists of them: nothing that cannot be encoded
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}

// stamp is a time in UTC, with as many digits of its second as it has.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
