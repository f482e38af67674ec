package secret

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxWork bounds the bytes that patterns see of one line, all of them together; from there on the line counts as secret.
const maxWork = 128 << 10

// Config says what a Detector looks for beside its rules.
type Config struct {
	// Known are exact values that must not be shown: at most 1,000, each of 6 to 1,024 bytes on one line. They are found as
	// they are, in base64 (standard and URL, wherever they begin in it) and URL-escaped.
	Known []string
}

// Span is one secret in a piece of text: bytes From to To.
type Span struct {
	From, To int
	Rule     string // what kind it is: "github-token", "known"
}

// Detector finds secrets. It is safe for concurrent use.
type Detector struct {
	auto  *automaton
	keys  []key
	known []string // the forms of known values that key.known counts
}

// key is what one key of the automaton leads to: a rule, or the beginning of a known value.
type key struct {
	text  string
	rule  *rule
	known int // with rule == nil
}

// New returns a Detector.
func New(cfg Config) (*Detector, error) {
	forms, err := knownForms(cfg.Known)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	d := &Detector{known: forms}
	for i := range rules {
		for _, text := range rules[i].keys {
			d.keys = append(d.keys, key{text: text, rule: &rules[i]})
		}
	}
	for i, form := range forms {
		d.keys = append(d.keys, key{text: form[:min(len(form), knownKey)], known: i})
	}
	texts := make([]string, len(d.keys))
	for i, k := range d.keys {
		texts[i] = strings.ToLower(k.text)
	}
	d.auto = newAutomaton(texts)
	return d, nil
}

// Find returns the secrets in a piece of text, in order and apart from each other. Lines end with a line feed; private keys go
// over several. Lines that a screen's width broke must be joined.
func (d *Detector) Find(text string) []Span {
	var spans []Span
	var in block
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		for _, s := range in.line(d, []byte(text[at:end])) {
			spans = append(spans, Span{s.From + at, s.To + at, s.Rule})
		}
		at = end + 1
	}
	return spans
}

// find returns the secrets in one line, in order and apart from each other.
func (d *Detector) find(line []byte) []Span {
	var spans []Span
	a, state, work := d.auto, uint32(0), 0
	for i, c := range line {
		state = a.next[state+uint32(a.class[c])]
		if state == 0 {
			continue
		}
		for _, n := range a.keys[int(state)/a.classes] {
			k := &d.keys[n]
			at := i + 1 - len(k.text)
			if work > maxWork {
				return merge(append(spans, Span{at, len(line), "too-many"}))
			}
			s, cost, ok := d.try(line, at, k)
			if work += cost; ok {
				spans = append(spans, s)
			}
		}
	}
	return merge(spans)
}

// try looks whether the key at a place of the line belongs to a secret, and says how many bytes a pattern saw for it.
func (d *Detector) try(line []byte, at int, k *key) (s Span, cost int, ok bool) {
	if k.rule == nil {
		form := d.known[k.known]
		return Span{at, at + len(form), "known"}, 0, bytes.HasPrefix(line[at:], []byte(form))
	}
	start, end, ok := k.rule.window(line, at, k.text)
	if !ok {
		return Span{}, 0, false
	}
	from, to, ok := k.rule.match(line, start, at, end)
	return Span{from, to, k.rule.name}, end - start, ok
}

// merge sorts spans and joins those that overlap; of two rules it keeps that of the longer one.
func merge(spans []Span) []Span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	out := spans[:1]
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.From >= last.To {
			out = append(out, s)
			continue
		}
		if s.To-s.From > last.To-last.From {
			last.Rule = s.Rule
		}
		last.To = max(last.To, s.To)
	}
	return out
}
