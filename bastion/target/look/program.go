package look

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"gatehouse/bastion/target/sftp"

	"gatehouse/internal/answer"
	"gatehouse/policy"
)

// program finds a program as a shell would, by the target's search path or by its absolute path, and says whether root alone
// could have put it there.
func (v *visit) program(name string, hash bool) (policy.ProgramFact, error) {
	if name == "" || name == "." || name == ".." || !path.IsAbs(name) && strings.Contains(name, "/") {
		return refused("%q is neither a program's name nor an absolute path", name), nil
	}
	candidates := []string{name}
	if !path.IsAbs(name) {
		candidates = candidates[:0]
		for _, dir := range v.search {
			candidates = append(candidates, path.Join(dir, name))
		}
	}
	for _, c := range candidates {
		if speakable(c) {
			v.ahead(components(c))
		}
	}
	for _, c := range candidates {
		fact, there, err := v.candidate(c, hash)
		if err != nil || there || path.IsAbs(name) {
			return fact, err
		}
	}
	return refused("there is no program %q in %s", name, strings.Join(v.search, ":")), nil
}

// candidate looks at one path. There is false where a shell would look on: nothing is there, or nothing that is executable.
func (v *visit) candidate(name string, hash bool) (fact policy.ProgramFact, there bool, err error) {
	unsafe := ""
	at, err := v.walk(name, func(at string, a sftp.Attrs) {
		if unsafe == "" {
			unsafe = whyUnsafe(at, a)
		}
	})
	const anyExecute = 0o111
	switch {
	case err != nil:
		return fact, false, err
	case at.real == "":
		return refused("%s: %s", name, at.why), true, nil
	case !at.exists:
		return refused("there is no %s", name), false, nil
	case !at.attrs.IsFile() || at.attrs.Mode&anyExecute == 0:
		return refused("%s is no file that can be executed", name), false, nil
	case unsafe != "":
		return refused("%s may not run: %s", name, unsafe), true, nil
	}
	fact = policy.ProgramFact{Path: name, Real: at.real}
	if hash {
		return v.hashed(fact, at.attrs.Size)
	}
	return fact, true, nil
}

// whyUnsafe says why something on the way to a program could be somebody else's than root's doing. Everything on the way must be
// root's, so that in a sticky folder, where others may add names, what is there stays: they can neither replace nor remove it.
func whyUnsafe(at string, a sftp.Attrs) string {
	const groupWrites, othersWrite, sticky = 0o020, 0o002, 0o1000
	switch {
	case a.UID != 0:
		return fmt.Sprintf("%s belongs to user %d, not to root", at, a.UID)
	case a.IsLink(), a.IsDir() && a.Mode&sticky != 0:
		return ""
	case a.Mode&othersWrite != 0:
		return fmt.Sprintf("everybody may write to %s", at)
	case a.Mode&groupWrites != 0 && a.GID != 0:
		return fmt.Sprintf("group %d may write to %s", a.GID, at)
	}
	return ""
}

// hashed adds the hash of a program's content.
func (v *visit) hashed(fact policy.ProgramFact, size uint64) (policy.ProgramFact, bool, error) {
	if size > maxHash {
		return refused("%s has %d bytes: programs of up to %d are hashed", fact.Path, size, maxHash), true, nil
	}
	sum, err := v.hash(fact.Real)
	var status sftp.StatusError
	switch {
	case errors.As(err, &status):
		return refused("the content of %s may not be read, so it has no hash", fact.Path), true, nil
	case err != nil:
		return policy.ProgramFact{}, false, err
	}
	fact.SHA256 = hex.EncodeToString(sum)
	return fact, true, nil
}

// refused is the fact of a program that may not run; names in it are the target's or the client's, so nothing in it is invisible.
func refused(format string, args ...any) policy.ProgramFact {
	const most = 600
	why := answer.Visible(fmt.Sprintf(format, args...))
	if len(why) > most {
		why = strings.ToValidUTF8(why[:most], "") + "…"
	}
	return policy.ProgramFact{Why: why}
}
