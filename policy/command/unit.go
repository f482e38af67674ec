package command

import (
	"fmt"
	"strings"
)

// unitSlot is the name of one systemd unit, by glob. A name without a suffix is a service, for the glob and for the word.
type unitSlot struct{ glob string }

// unitSuffixes are the unit types of systemd.unit(5).
var unitSuffixes = []string{
	".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope",
}

func parseUnit(arg string) (value, error) {
	if arg == "" {
		arg = "*"
	}
	if !unitName(strings.NewReplacer("*", "a", "?", "a").Replace(arg)) {
		return nil, fmt.Errorf("%q is not a unit name or a glob of such: write <unit:app-*>", arg)
	}
	return unitSlot{withSuffix(arg)}, nil
}

func (s unitSlot) admits(m *matcher, word string, _ bool) bool {
	return unitName(word) && MatchName(s.glob, withSuffix(word)) || m.lenient && partlyUnknown(word)
}

// withSuffix adds the .service that systemctl adds.
func withSuffix(name string) string {
	for _, suffix := range unitSuffixes {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return name + ".service"
}

// unitName reports whether systemd takes the word as a unit's name. A leading "-" is legal there and refused here.
func unitName(word string) bool {
	if word == "" || len(word) > 255 || word[0] == '-' || word[0] == '.' {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(`:_.\@-`, c) >= 0) {
			return false
		}
	}
	return true
}
