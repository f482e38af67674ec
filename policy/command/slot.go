package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Slot is one typed place of a pattern. It is immutable and may be used by many goroutines at once.
type Slot struct {
	value value
	text  string // between the brackets
}

// String is the slot as a pattern has it: "<path:/var/log/app/**>".
func (s *Slot) String() string { return "<" + s.text + ">" }

// Slots are named slots, which patterns use as <name>. Each is made by ParseSlot. A name that is a slot type is never
// looked up: see IsSlotType.
type Slots map[string]*Slot

// slotTypes are the types of slots, each with the parser of what stands after the colon ("" if nothing does).
var slotTypes = map[string]func(arg string) (value, error){
	"int": parseInt, "text": parseText, "enum": parseEnum, "unit": parseUnit, "glob": parseGlob, "path": parsePath, "host": parseHost,
	"user": parseUser, "duration": parseDuration, "url": parseURL, "re": parseRE, "json": parseJSON, "sha256": parseSHA256,
}

// IsSlotType reports whether the name is that of a slot type, so that no named slot can have it.
func IsSlotType(name string) bool { return slotTypes[name] != nil }

// ParseSlot reads what stands between < and > in a pattern: "path:/var/log/app/**". Its error is a *SyntaxError.
func ParseSlot(text string) (*Slot, error) {
	if len(text) > maxPattern {
		return nil, &SyntaxError{Column: maxPattern + 1, Message: "the slot is longer than 4096 bytes"}
	}
	v, err := parseSlot(text, 0, nil)
	if err != nil {
		return nil, err
	}
	return &Slot{v, text}, nil
}

// parseSlot reads what stands between < and >; at is its offset in the pattern.
func parseSlot(text string, at int, named Slots) (value, error) {
	kind, arg, hasArg := strings.Cut(text, ":")
	parse := slotTypes[kind]
	if parse == nil {
		if s := named[text]; s != nil {
			return s.value, nil
		}
		return nil, &SyntaxError{Column: at + 1, Message: unknownSlot(kind, named)}
	}
	if hasArg && arg == "" {
		return nil, &SyntaxError{Column: at + 1, Message: fmt.Sprintf("the slot <%s:> has nothing after the colon", kind)}
	}
	if strings.Contains(arg, Unknown) || !printable(arg) {
		return nil, &SyntaxError{Column: at + 1, Message: fmt.Sprintf("the slot %q has characters that do not show", text)}
	}
	v, err := parse(arg)
	if err != nil {
		return nil, &SyntaxError{Column: at + 1, Message: err.Error()}
	}
	return v, nil
}

// unknownSlot says what could have been meant.
func unknownSlot(kind string, named Slots) string {
	types := slices.Sorted(maps.Keys(slotTypes))
	message := fmt.Sprintf("%q is neither a slot type nor a named slot", kind)
	if near := Nearest(kind, append(types, slices.Sorted(maps.Keys(named))...)); near != "" {
		return message + fmt.Sprintf(": did you mean %q?", near)
	}
	return message + ": the types are " + strings.Join(types, ", ")
}

// Nearest returns the known word that is spelled most like the given one, "" if none is near.
func Nearest(word string, known []string) string {
	best, distance := "", len(word)/2+1
	for _, k := range known {
		if d := editDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts the single-byte changes between two words. Words here are short names.
func editDistance(a, b string) int {
	if max(len(a), len(b)) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
