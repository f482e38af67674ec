package secret

import (
	"bytes"
	"regexp"
	"strconv"
)

const (
	maxBlock  = 2000 // lines of a private key
	bodyWidth = 16   // of a line whose last word is taken for a key's body
)

var (
	beginKey = regexp.MustCompile(`-----BEGIN ([0-9A-Za-z ]{0,40}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1)-----`)
	endKey   = []byte("-----END")
	header   = regexp.MustCompile(`^[A-Z][A-Za-z-]{2,20}: `)
	puttyKey = regexp.MustCompile(`(?i)^\s*Private-Lines: ([0-9]{1,4})\s*$`)
)

// block looks at a stream's lines in order and knows when it is within a private key.
type block struct {
	left  int // lines that may still belong to the key; 0: not in one
	putty bool
	width int // of the first line of the body
}

// line returns the secrets in the next line.
func (b *block) line(d *Detector, line []byte) []Span {
	if b.left > 0 {
		if span, ok := b.body(line); ok {
			return merge(append(d.find(line), span...))
		}
	}
	spans := d.find(line)
	for at := 0; ; {
		if m := puttyKey.FindSubmatch(line); m != nil && at == 0 {
			b.left, _ = strconv.Atoi(string(m[1]))
			b.putty = true
			return spans
		}
		i := bytes.Index(line[at:], []byte("-----BEGIN "))
		if i < 0 {
			return spans
		}
		at += i
		m := beginKey.FindIndex(line[at:])
		if m == nil || m[0] != 0 {
			at += len("-----BEGIN ")
			continue
		}
		at += m[1]
		end := len(line)
		if j := bytes.Index(line[at:], endKey); j >= 0 {
			end = at + j
		} else {
			*b = block{left: maxBlock}
		}
		if end > at && len(bytes.TrimSpace(line[at:end])) > 0 {
			spans = merge(append(spans, Span{at, end, "private-key"}))
		}
		at = end
	}
}

// body says whether a line belongs to the key, and which part of it is secret.
func (b *block) body(line []byte) ([]Span, bool) {
	b.left--
	if b.putty {
		return []Span{{0, len(line), "private-key"}}, true
	}
	if i := bytes.Index(line, endKey); i >= 0 {
		b.left = 0
		from, to := lastWord(line[:i])
		if from == to {
			return nil, true
		}
		return []Span{{from, to, "private-key"}}, true
	}
	from, to := lastWord(line)
	word := line[from:to]
	switch {
	case len(word) == 0 || header.Match(line):
		return nil, true
	case !encoded(word) || from > 0 && len(word) < bodyWidth:
		b.left = 0
		return nil, false
	case b.width == 0:
		b.width = len(word)
	case len(word) < b.width:
		b.left = min(b.left, 1) // the last line is the short one; a checksum may follow
	}
	return []Span{{from, to, "private-key"}}, true
}

// lastWord is where the last word of a line is: before a key's body logs and editors put prefixes.
func lastWord(line []byte) (from, to int) {
	to = len(bytes.TrimRight(line, " \t\r\"',\\"))
	from = bytes.LastIndexAny(line[:to], " \t\"'|>") + 1
	return from, to
}

func encoded(b []byte) bool {
	for _, c := range b {
		if !letterOrDigit(c) && bytes.IndexByte([]byte("+/=_-"), c) < 0 {
			return false
		}
	}
	return true
}
