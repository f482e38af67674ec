package bundle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSigners bounds the file of allowed signers.
const maxSigners = 4096

// Signers are who may sign, by key. They come from a file as ssh-keygen has it (ALLOWED SIGNERS in ssh-keygen(1)).
type Signers map[string]signer

// signer is one line of the file.
type signer struct {
	person        string // "person:ann"
	after, before time.Time
}

// ParseSigners reads a file of allowed signers. It is stricter than ssh-keygen, because what is not understood would let in the
// wrong ones: a line has one principal person:NAME without wildcards, a key stands in one line, and the options are
// namespaces, valid-after and valid-before. Lines for other namespaces are passed over.
func ParseSigners(text []byte) (Signers, error) {
	out := Signers{}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(out) == maxSigners {
			return nil, fmt.Errorf("there are more than %d allowed signers", maxSigners)
		}
		if err := out.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return out, nil
}

func (s Signers) add(line string) error {
	principal, rest, _ := strings.Cut(line, " ")
	principal = strings.Trim(principal, `"`)
	name, ok := strings.CutPrefix(principal, "person:")
	if !ok || name == "" || strings.ContainsAny(name, "*?!,") {
		return fmt.Errorf("%q is not one principal person:NAME", principal)
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return fmt.Errorf("the key of %s: %w", principal, err)
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return errors.New("a certificate cannot be an allowed signer: write its key")
	}
	who := signer{person: principal}
	here := true
	for _, o := range options {
		if err := who.option(o, &here); err != nil {
			return err
		}
	}
	if !here {
		return nil
	}
	id := string(key.Marshal())
	if other, known := s[id]; known && other.person != principal {
		return fmt.Errorf("the key of %s is the key of %s too", principal, other.person)
	} else if known {
		return fmt.Errorf("a key of %s stands there twice", principal)
	}
	s[id] = who
	return nil
}

func (w *signer) option(option string, here *bool) error {
	name, value, _ := strings.Cut(option, "=")
	if unquoted, err := strconv.Unquote(value); err == nil {
		value = unquoted
	}
	var err error
	switch strings.ToLower(name) {
	case "namespaces":
		*here = false
		for _, n := range strings.Split(value, ",") {
			*here = *here || n == Namespace
		}
	case "valid-after":
		w.after, err = stamp(value)
	case "valid-before":
		w.before, err = stamp(value)
	default:
		return fmt.Errorf("the option %q is not understood", name)
	}
	return err
}

// stamp reads a time as ssh-keygen writes it: YYYYMMDD[HHMM[SS]], in UTC with a Z, else in local time.
func stamp(value string) (time.Time, error) {
	text, utc := strings.CutSuffix(value, "Z")
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 20261128 or 20261128120000Z", value)
}

// good reports whether the signer may sign at a time.
func (w signer) good(now time.Time) bool {
	return (w.after.IsZero() || !now.Before(w.after)) && (w.before.IsZero() || now.Before(w.before))
}
