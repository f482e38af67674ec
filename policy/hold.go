package policy

import "slices"

// maxHeld bounds what can be held; a rule that says less is heard.
const maxHeld = 1 << 30

// defaultHeld is how large a file can be held where a rule does not say.
const defaultHeld = 8 << 20

// Hold is what the content of a file must be before it reaches its other end: the door keeps the whole file back until it has been
// looked at, and drops it if it is not so.
type Hold struct {
	Secrets bool     `json:"secrets,omitempty"` // a file in which a secret is found stays back
	Types   []string `json:"types,omitempty"`   // what it may be, by its content; empty: anything
	Max     int64    `json:"max"`               // bytes; a larger file cannot be held and stays back
}

// contentTypes are the types that a rule may name.
var contentTypes = []string{"text", "json", "xml", "gzip", "zip", "tar", "zstd", "xz", "bzip2", "pdf", "png", "jpeg", "gif", "elf", "other"}

// readHold reads a content rule.
func readHold(v value) *Hold {
	h := &Hold{Max: defaultHeld}
	v.fields(map[string]func(value){
		"secrets": func(v value) { h.Secrets = v.boolean() },
		"types": func(v value) {
			for _, item := range v.list() {
				if text, ok := item.word(contentTypes...); ok {
					h.Types = append(h.Types, text)
				}
			}
			slices.Sort(h.Types)
		},
		"max": func(v value) {
			if h.Max = v.bytes(); h.Max > maxHeld {
				v.problem("%s is more than can be held: at most 1GiB", v.what)
			}
		},
	})
	if !h.Secrets && len(h.Types) == 0 {
		v.problem("%s holds nothing back: say secrets: true, types, or both", v.what)
	}
	return h
}

// noType is in a join of rules that have no type in common: no content has it.
const noType = "none"

// join is what both rules want.
func (h *Hold) join(other *Hold) *Hold {
	if h == nil || other == nil {
		if h == nil {
			return other
		}
		return h
	}
	both := &Hold{Secrets: h.Secrets || other.Secrets, Max: min(h.Max, other.Max), Types: h.Types}
	switch {
	case len(h.Types) == 0:
		both.Types = other.Types
	case len(other.Types) > 0:
		both.Types = nil
		for _, t := range h.Types {
			if slices.Contains(other.Types, t) {
				both.Types = append(both.Types, t)
			}
		}
		if len(both.Types) == 0 {
			both.Types = []string{noType}
		}
	}
	return both
}
