package command

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// The bounds of slots that look into a word's form.
const (
	maxRE   = 512     // bytes of a regular expression
	maxForm = 4096    // bytes of a word that one is compared with
	maxJSON = 1 << 16 // bytes of a JSON text
)

// reSlot is a word that a regular expression describes from its first to its last byte. Where every match begins with a "-"
// that is written at its beginning, it describes an option; no other one admits a word that begins so.
type reSlot struct {
	re     *regexp.Regexp
	option bool
}

func parseRE(arg string) (value, error) {
	if arg == "" || len(arg) > maxRE {
		return nil, fmt.Errorf("<re:…> needs a regular expression of at most %d bytes: <re:[a-z]+-[0-9]+>", maxRE)
	}
	alone, err := regexp.Compile(arg)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression of Go's RE2 syntax: %w", arg, err)
	}
	re, err := regexp.Compile(`\A(?:` + arg + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression that can be anchored: %w", arg, err)
	}
	prefix, _ := alone.LiteralPrefix()
	return reSlot{re, strings.HasPrefix(prefix, "-")}, nil
}

func (s reSlot) admits(m *matcher, word string, _ bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	return len(word) <= maxForm && (m.lenient || showsAndNoOption(word, s.option)) && s.re.MatchString(word)
}

// jsonSlot is one JSON text. kind is its first byte if that is prescribed.
type jsonSlot struct{ kind byte }

func parseJSON(arg string) (value, error) {
	switch arg {
	case "":
		return jsonSlot{}, nil
	case "object":
		return jsonSlot{'{'}, nil
	case "array":
		return jsonSlot{'['}, nil
	}
	return nil, fmt.Errorf("%q is not a kind of JSON text: write <json>, <json:object> or <json:array>", arg)
}

func (s jsonSlot) admits(m *matcher, word string, free bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	return len(word) <= maxJSON && showsAndNoOption(word, free || m.lenient) && (s.kind == 0 || word[0] == s.kind) && json.Valid([]byte(word))
}

// sha256Slot is the hexadecimal form of a SHA-256.
type sha256Slot struct{}

func parseSHA256(arg string) (value, error) {
	if arg != "" {
		return nil, fmt.Errorf("<sha256> takes nothing after a colon; found %q", arg)
	}
	return sha256Slot{}, nil
}

func (sha256Slot) admits(m *matcher, word string, _ bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	if len(word) != 64 {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
