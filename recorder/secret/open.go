package secret

import (
	"regexp"
	"strings"
)

// openReach is how many bytes of a line's end are looked at for the beginning of a secret.
const openReach = 512

// openValue is a name, a separator and what there is of a value.
var openValue = re(`^[0-9A-Za-z_.-]{1,60}` + separator + quoted + value + `$`)

// openToken is a mark and what there is of a token. Marks that words begin with are left out; nil if that is all of them.
func openToken(marks []string) *regexp.Regexp {
	var plain []string
	for _, m := range marks {
		if len(m) >= 3 && strings.Trim(m, "abcdefghijklmnopqrstuvwxyz") != "" && m != "key-" && m != "secret_" {
			plain = append(plain, regexp.QuoteMeta(m))
		}
	}
	if plain == nil {
		return nil
	}
	return re(`^(?:` + strings.Join(plain, "|") + `)([^\s"'` + "`" + `,;]+)$`)
}

// open returns the end of a line that is not complete, if it may be the beginning of a secret: what follows the mark of a
// token's maker, or the name of something secret.
func (d *Detector) open(line []byte) []Span {
	from := max(0, len(line)-openReach)
	tail := line[from:]
	a, state := d.auto, uint32(0)
	for i, c := range tail {
		state = a.next[state+uint32(a.class[c])]
		for _, n := range a.keys[int(state)/a.classes] {
			k := &d.keys[n]
			if at, ok := k.opens(tail, i+1-len(k.text)); ok {
				return []Span{{from + at, len(line), k.rule.name}}
			}
		}
	}
	return nil
}

// opens returns where the value begins that the key at a place belongs to and that goes on to the line's end.
func (k *key) opens(line []byte, at int) (int, bool) {
	if k.rule == nil || k.rule.open == nil {
		return 0, false
	}
	if _, _, ok := k.rule.window(line, at, k.text); !ok {
		return 0, false
	}
	m := k.rule.open.FindSubmatchIndex(line[at:])
	if m == nil {
		return 0, false
	}
	return at + m[2], true
}
