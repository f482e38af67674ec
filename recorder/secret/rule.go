package secret

import (
	"bytes"
	"math"
	"regexp"
)

// rule is one kind of secret. Its keys are what a line must hold before its pattern costs anything.
type rule struct {
	name    string
	keys    []string
	exact   bool                     // the keys' case matters
	word    bool                     // no letter or digit may stand before a key
	before  int                      // the match begins at most so many bytes before the key; 0: with it
	reach   int                      // bytes from the key on that the pattern sees; 0: 512
	solid   bool                     // the secret is letters, digits and +/=_.%- alone
	assigns bool                     // a separator stands within 64 bytes of the key
	pattern *regexp.Regexp           // the first group is the secret; without one all of the match
	open    *regexp.Regexp           // the same of a line that ends within the secret; nil: that is not looked for
	ok      func(secret []byte) bool // nil: whatever matches
}

// window is what the pattern sees around the key that stands at a place of the line; ok is false if it need not look.
func (r *rule) window(line []byte, at int, key string) (start, end int, ok bool) {
	if r.exact && !bytes.HasPrefix(line[at:], []byte(key)) || r.word && !begins(line, at) {
		return 0, 0, false
	}
	if r.assigns && !bytes.ContainsAny(line[at:min(len(line), at+64)], "=:,>") {
		return 0, 0, false
	}
	reach := r.reach
	if reach == 0 {
		reach = 512
	}
	end = min(len(line), at+reach)
	if r.solid {
		for end = at; end < min(len(line), at+reach) && solid(line[end]); end++ {
		}
	}
	return max(0, at-r.before), end, true
}

func solid(c byte) bool {
	return letterOrDigit(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '.' || c == '%' || c == '-'
}

// match looks for the secret that the key at a place belongs to, in line[start:end].
func (r *rule) match(line []byte, start, at, end int) (from, to int, ok bool) {
	m := r.pattern.FindSubmatchIndex(line[start:end])
	for m != nil && start+m[1] <= at { // of another key before this one
		start += max(1, m[1])
		m = r.pattern.FindSubmatchIndex(line[start:end])
	}
	if m == nil {
		return 0, 0, false
	}
	from, to = m[0], m[1]
	if len(m) > 2 && m[2] >= 0 {
		from, to = m[2], m[3]
	}
	from, to = start+from, start+to
	for to >= end && to < len(line) && line[to] > ' ' && (!r.solid || solid(line[to])) { // it goes on where the window ends
		to++
	}
	return from, to, from < to && (r.ok == nil || r.ok(line[from:to]))
}

// begins says whether a word begins at a place of the line. What follows a written-out escape (\n, %3D) is a beginning too.
func begins(line []byte, at int) bool {
	if at == 0 || !letterOrDigit(line[at-1]) {
		return true
	}
	return at >= 2 && line[at-2] == '\\' || at >= 3 && line[at-3] == '%'
}

func letterOrDigit(c byte) bool {
	return 'a' <= fold(c) && fold(c) <= 'z' || '0' <= c && c <= '9'
}

// entropy is the mean information of a byte of b in bits, by how often each occurs in it.
func entropy(b []byte) float64 {
	var count [256]int
	for _, c := range b {
		count[c]++
	}
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(b))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// mixed says whether b holds letters and digits.
func mixed(b []byte) bool {
	letter, digit := false, false
	for _, c := range b {
		if '0' <= c && c <= '9' {
			digit = true
		} else if letterOrDigit(c) {
			letter = true
		}
	}
	return letter && digit
}

// random says whether b looks drawn by lot: letters and digits, and many different ones.
func random(b []byte) bool { return mixed(b) && entropy(b) >= 3 }
