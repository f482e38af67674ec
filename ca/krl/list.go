package krl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Bounds of a list. New and Parse refuse what is larger: revoke by range, key ID or CA instead, or drop what has expired.
const (
	MaxSize    = 16 << 20 // bytes of the wire form
	MaxEntries = 1 << 20  // serial ranges, key IDs, keys and fingerprints together
)

// lastGenerated is the last second of the year 9999, beyond which times do not print.
const lastGenerated = 253402300799

// ErrTooLarge says that a list is over MaxSize or MaxEntries.
var ErrTooLarge = errors.New("KRL is too large: revoke by range, key ID or CA, or drop what has expired")

// Contents is what a list says.
type Contents struct {
	Version   uint64    // the writer's counter; readers do not interpret it
	Generated time.Time // whole seconds; zero means not said
	Comment   string    // without NUL

	Certificates []Certificates
	Keys         []ssh.PublicKey // plain keys; what is revoked is the key, every certificate of it, and all that it signed
	SHA1         [][20]byte      // the same by SHA-1 of the key's wire form
	SHA256       [][32]byte      // the same by SHA-256, the fingerprint that ssh prints
}

// Certificates are revoked certificates of one CA.
type Certificates struct {
	CA      ssh.PublicKey // nil means every CA
	Serials []Range
	KeyIDs  []string // compared whole, byte by byte; without NUL
}

// Range is the serials from First to Last, both included. Serial 0 means "not numbered" and cannot be revoked.
type Range struct{ First, Last uint64 }

// List is a revocation list. It does not change; safe for concurrent use.
type List struct {
	contents Contents // in its normal form
	cas      []string // wire forms of the CAs in contents.Certificates, ascending; "" is every CA
	keys     []string // wire forms of contents.Keys, ascending
	wire     []byte
}

// New makes a list. The order of what c holds does not matter, nor do repetitions and overlaps. It keeps nothing of c.
func New(c Contents) (*List, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("make KRL: %w", err)
	}
	l := &List{contents: Contents{Version: c.Version, Comment: c.Comment}}
	if s := c.Generated.Unix(); !c.Generated.IsZero() && s != 0 {
		l.contents.Generated = time.Unix(s, 0).UTC()
	}
	l.addCertificates(c.Certificates)
	l.addKeys(c.Keys)
	l.contents.SHA1 = ordered(c.SHA1, func(a, b [20]byte) int { return slices.Compare(a[:], b[:]) })
	l.contents.SHA256 = ordered(c.SHA256, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	if l.wire = l.encode(); len(l.wire) > MaxSize {
		return nil, fmt.Errorf("make KRL of %d bytes: %w", len(l.wire), ErrTooLarge)
	}
	return l, nil
}

// Validate says what cannot be in a list.
func (c Contents) Validate() error {
	if strings.Contains(c.Comment, "\x00") {
		return errors.New("NUL in the comment")
	}
	if s := c.Generated.Unix(); !c.Generated.IsZero() && (s < 0 || s > lastGenerated) {
		return fmt.Errorf("generated %d seconds after 1970: want 0 to %d", s, int64(lastGenerated))
	}
	entries, size := len(c.Keys)+len(c.SHA1)+len(c.SHA256), len(c.Comment)
	for _, of := range c.Certificates {
		if err := of.validate(); err != nil {
			return err
		}
		entries += len(of.Serials) + len(of.KeyIDs)
		for _, id := range of.KeyIDs {
			size += len(id)
		}
	}
	if entries > MaxEntries || len(c.Certificates) > MaxEntries || size > MaxSize {
		return ErrTooLarge
	}
	for _, key := range c.Keys {
		if err := checkKey(key); err != nil {
			return fmt.Errorf("revoked key: %w", err)
		}
	}
	return nil
}

func (of Certificates) validate() error {
	if of.CA != nil {
		if err := checkCA(of.CA); err != nil {
			return fmt.Errorf("CA: %w", err)
		}
	}
	for _, r := range of.Serials {
		if err := r.validate(); err != nil {
			return err
		}
	}
	for _, id := range of.KeyIDs {
		if strings.Contains(id, "\x00") {
			return fmt.Errorf("NUL in key ID %.64q", id)
		}
	}
	return nil
}

func (r Range) validate() error {
	if r.First == 0 {
		return errors.New("serial 0: it means not numbered and cannot be revoked; revoke by key ID or key")
	}
	if r.First > r.Last {
		return fmt.Errorf("serials %d to %d: want the smaller one first", r.First, r.Last)
	}
	return nil
}

// addCertificates brings the certificates into their normal form: one element a CA, by wire form; serials merged and
// ascending; key IDs ascending and each once; nothing that revokes nothing.
func (l *List) addCertificates(all []Certificates) {
	byCA := map[string]*Certificates{}
	for _, of := range all {
		if len(of.Serials)+len(of.KeyIDs) == 0 {
			continue
		}
		var ca string
		if of.CA != nil {
			ca = string(of.CA.Marshal())
		}
		if byCA[ca] == nil {
			byCA[ca] = &Certificates{CA: of.CA}
			l.cas = append(l.cas, ca)
		}
		byCA[ca].Serials = append(byCA[ca].Serials, of.Serials...)
		byCA[ca].KeyIDs = append(byCA[ca].KeyIDs, of.KeyIDs...)
	}
	slices.Sort(l.cas)
	for _, ca := range l.cas {
		of := byCA[ca]
		of.Serials = merge(of.Serials)
		of.KeyIDs = ordered(of.KeyIDs, strings.Compare)
		l.contents.Certificates = append(l.contents.Certificates, *of)
	}
}

func (l *List) addKeys(keys []ssh.PublicKey) {
	byWire := map[string]ssh.PublicKey{}
	for _, key := range keys {
		byWire[string(key.Marshal())] = key
	}
	for wire := range byWire {
		l.keys = append(l.keys, wire)
	}
	slices.Sort(l.keys)
	for _, wire := range l.keys {
		l.contents.Keys = append(l.contents.Keys, byWire[wire])
	}
}

// ordered is a copy of list in ascending order, each value once; nil if there is none.
func ordered[T comparable](list []T, compare func(a, b T) int) []T {
	list = append([]T(nil), list...)
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

// merge is the fewest ranges that hold the same serials, ascending.
func merge(ranges []Range) []Range {
	ranges = ordered(ranges, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	var merged []Range
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.First-1 <= merged[n-1].Last { // First is never 0
			merged[n-1].Last = max(merged[n-1].Last, r.Last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// Contents is what the list says, in its normal form: ascending, merged, each once. The caller may change it.
func (l *List) Contents() Contents {
	c := l.contents
	c.Certificates = slices.Clone(c.Certificates)
	for i := range c.Certificates {
		c.Certificates[i].Serials = slices.Clone(c.Certificates[i].Serials)
		c.Certificates[i].KeyIDs = slices.Clone(c.Certificates[i].KeyIDs)
	}
	c.Keys, c.SHA1, c.SHA256 = slices.Clone(c.Keys), slices.Clone(c.SHA1), slices.Clone(c.SHA256)
	return c
}

// Marshal is the wire form, at most MaxSize bytes. Lists that say the same have the same.
func (l *List) Marshal() []byte { return slices.Clone(l.wire) }
