package command

import (
	"fmt"
	"net/netip"
	"strings"
)

// hostSlot is the name or the IP address of a host, by globs.
type hostSlot struct{ globs []string }

func parseHost(arg string) (value, error) {
	globs, ok := nameGlobs(strings.ToLower(arg), func(c byte) bool { return hostByte(c) || c == ':' })
	if !ok {
		return nil, fmt.Errorf("%q is not a host or a glob of such: write <host:*.example.com> or <host:10.0.*,db-1>", arg)
	}
	return hostSlot{globs}, nil
}

func (s hostSlot) admits(m *matcher, word string, _ bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	if m.lenient {
		word = strings.TrimSuffix(word, ".")
	}
	return hostName(word) && matchesOne(s.globs, strings.ToLower(word))
}

// hostName reports whether a word is an IP address in its usual form or a name that cannot be read as another one: the
// short, octal and hexadecimal forms of IPv4 addresses are not.
func hostName(word string) bool {
	if _, err := netip.ParseAddr(word); err == nil {
		return !strings.Contains(word, "%")
	}
	if word == "" || len(word) > 253 {
		return false
	}
	var last string
	for label := range strings.SplitSeq(word, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !onlyBytes(label, hostByte) {
			return false
		}
		last = label
	}
	return last[0] < '0' || last[0] > '9' || strings.IndexByte(word, '.') < 0 && !numeric(last)
}

// numeric reports whether inet_aton(3) may take the label as a number.
func numeric(label string) bool {
	return onlyBytes(label, func(c byte) bool { return c >= '0' && c <= '9' }) || strings.HasPrefix(strings.ToLower(label), "0x")
}

func hostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
}

// userSlot is the name of an account, by globs, as useradd takes it: a-z 0-9 _ . -, at most 32, first a letter or _.
type userSlot struct{ globs []string }

func parseUser(arg string) (value, error) {
	globs, ok := nameGlobs(arg, userByte)
	if !ok {
		return nil, fmt.Errorf("%q is not an account or a glob of such: write <user:app-*>", arg)
	}
	return userSlot{globs}, nil
}

func (s userSlot) admits(m *matcher, word string, _ bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	return word != "" && len(word) <= 32 && (word[0] == '_' || word[0] >= 'a' && word[0] <= 'z') && onlyBytes(word, userByte) && matchesOne(s.globs, word)
}

func userByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

// nameGlobs reads globs of names that are separated by commas; nothing means any name.
func nameGlobs(arg string, allowed func(byte) bool) ([]string, bool) {
	if arg == "" {
		return []string{"*"}, true
	}
	globs := strings.Split(arg, ",")
	for _, glob := range globs {
		if glob == "" || glob[0] == '-' || !onlyBytes(glob, func(c byte) bool { return c == '*' || c == '?' || allowed(c) }) {
			return nil, false
		}
	}
	return globs, true
}

func matchesOne(globs []string, name string) bool {
	for _, glob := range globs {
		if MatchName(glob, name) {
			return true
		}
	}
	return false
}

func onlyBytes(word string, allowed func(byte) bool) bool {
	for i := range len(word) {
		if !allowed(word[i]) {
			return false
		}
	}
	return true
}
