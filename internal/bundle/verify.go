package bundle

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"

	"gatehouse/policy"
)

// Signed says whose word a policy has.
type Signed struct {
	Serial    uint64   `json:"serial"`
	Author    string   `json:"author"`    // "person:ann"
	Reviewers []string `json:"reviewers"` // in the order of their names
}

func (s Signed) String() string {
	by := "nobody"
	if len(s.Reviewers) > 0 {
		by = strings.Join(s.Reviewers, ", ")
	}
	return fmt.Sprintf("serial %d by %s, reviewed by %s", s.Serial, s.Author, by)
}

// Verify reports whether a policy has an author's signature and those of at least so many reviewers, all distinct people and
// none of them the author, on these files and with one serial. Signatures that do not count are passed over: those of an
// older version of the policy may stand in the file, and those of keys that are not allowed any more. Of several serials
// the highest that suffices is taken. The error says what is missing, and why the signatures that are there do not count.
func Verify(files []policy.File, list []Signature, allowed Signers, reviewers int, now time.Time) (Signed, error) {
	var good []counted
	var why []string
	for i, s := range list {
		who, err := check(files, s, allowed, now)
		if err != nil {
			why = append(why, fmt.Sprintf("signature %d (%s %d): %v", i+1, s.Role, s.Serial, err))
			continue
		}
		good = append(good, counted{s, who})
	}
	slices.SortStableFunc(good, func(a, b counted) int { return cmp.Compare(b.Serial, a.Serial) })
	best := errors.New("no author has signed it")
	for _, author := range good {
		if author.Role != Author {
			continue
		}
		out := Signed{Serial: author.Serial, Author: author.who}
		for _, r := range good {
			if r.Role == Reviewer && r.Serial == author.Serial && r.who != author.who && !slices.Contains(out.Reviewers, r.who) {
				out.Reviewers = append(out.Reviewers, r.who)
			}
		}
		slices.Sort(out.Reviewers)
		if len(out.Reviewers) >= reviewers {
			return out, nil
		}
		best = fmt.Errorf("%s has signed serial %d as its author, and %d of %d reviewers who are other people", author.who, author.Serial, len(out.Reviewers), reviewers)
	}
	return Signed{}, fmt.Errorf("the policy is not signed as required: %w%s", best, reasons(why))
}

// counted is a signature that holds.
type counted struct {
	Signature
	who string
}

func reasons(why []string) string {
	if len(why) == 0 {
		return ""
	}
	return "; " + strings.Join(why[:min(len(why), 5)], "; ")
}

// check returns who made a signature that holds.
func check(files []policy.File, s Signature, allowed Signers, now time.Time) (string, error) {
	who, ok := allowed[string(s.Sig.PublicKey.Marshal())]
	if !ok {
		return "", errors.New("its key is not one of an allowed signer")
	}
	if !who.good(now) {
		return "", fmt.Errorf("the key of %s is not valid now", who.person)
	}
	text, err := Text(files, s.Role, s.Serial)
	if err != nil {
		return "", err
	}
	if err := sshsig.Verify(bytes.NewReader(text), s.Sig, s.Sig.PublicKey, s.Sig.HashAlgorithm, Namespace); err != nil {
		return "", fmt.Errorf("it is not of this policy: %w", err)
	}
	return who.person, nil
}
