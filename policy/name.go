package policy

import (
	"strings"
	"unicode"
)

// The shapes of names, as messages describe them.
const (
	nameShape  = "a name is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit"
	loginShape = "a login is 1 to 32 of a-z 0-9 . _ - and begins with a letter or _"
	globShape  = "a target is a name in which * and ? may stand for other characters"
	labelShape = "a label's value is 1 to 63 of a-z A-Z 0-9 . _ -, in which * and ? may stand for other characters"
	envShape   = "a variable is a name such as LANG, or LC_* for all that begin so"
)

func validName(name string) bool {
	return name != "" && len(name) <= 63 && strings.IndexByte("._-", name[0]) < 0 && onlyNameBytes(name)
}

func validLogin(name string) bool {
	return name != "" && len(name) <= 32 && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z') && onlyNameBytes(name)
}

func validTargetGlob(glob string) bool {
	return validName(strings.NewReplacer("*", "a", "?", "a").Replace(glob))
}

func validEnvPattern(pattern string) bool {
	return validEnvName(strings.TrimSuffix(pattern, "*"))
}

func onlyNameBytes(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0) {
			return false
		}
	}
	return true
}

func validReason(text string) bool {
	return len(text) <= 200 && !strings.ContainsFunc(text, unicode.IsControl)
}

func validLabelGlob(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?") == ""
}
