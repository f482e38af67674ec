package secret

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonString is a string of a JSON text: its contents are bytes from to to.
type jsonString struct {
	from, to int
	name     bool // of a member of an object
	inArray  bool
}

// jsonStrings finds the strings of a valid JSON text.
func jsonStrings(data []byte) []jsonString {
	var out []jsonString
	var nest []byte
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '{', '[':
			nest = append(nest, c)
		case '}', ']':
			nest = nest[:max(0, len(nest)-1)]
		case '"':
			s := jsonString{from: i + 1, inArray: len(nest) > 0 && nest[len(nest)-1] == '['}
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			s.to = min(i, len(data))
			rest := bytes.TrimLeft(data[min(i+1, len(data)):], " \t\r\n")
			s.name = len(rest) > 0 && rest[0] == ':'
			out = append(out, s)
		}
	}
	return out
}

// jsonText is the strings of a JSON text as a person would read them: words of an array on one line, a variable's name before
// its value, and everything else on lines of its own.
type jsonText struct {
	text []byte
	segs []jsonSeg
}

// jsonSeg says that text bytes text to text+n are written as bytes from to to of the JSON.
type jsonSeg struct{ text, n, from, to int }

func newJSONText(data []byte) *jsonText {
	t := &jsonText{}
	name, before := "", byte(0)
	for _, s := range jsonStrings(data) {
		if s.name {
			name = string(data[s.from:s.to])
			continue
		}
		switch {
		case len(t.text) == 0:
		case name == "value" && !s.inArray:
			t.text = append(t.text, '=')
		case s.inArray && before == '[':
			t.text = append(t.text, ' ')
		default:
			t.text = append(t.text, '\n')
		}
		before = '{'
		if s.inArray {
			before = '['
		}
		t.add(data, s.from, s.to)
		name = ""
	}
	return t
}

// add decodes the contents of a string, keeping where each character is written.
func (t *jsonText) add(data []byte, from, to int) {
	for from < to {
		n := bytes.IndexByte(data[from:to], '\\')
		if n < 0 {
			n = to - from
		}
		if n > 0 {
			t.segs = append(t.segs, jsonSeg{len(t.text), n, from, from + n})
			t.text = append(t.text, data[from:from+n]...)
			from += n
			continue
		}
		c, size := unescape(data[from:to])
		was := len(t.text)
		t.text = utf8.AppendRune(t.text, c)
		t.segs = append(t.segs, jsonSeg{was, len(t.text) - was, from, from + size})
		from += size
	}
}

// unescape reads the escape at the beginning of b.
func unescape(b []byte) (rune, int) {
	if len(b) < 2 {
		return utf8.RuneError, len(b)
	}
	switch b[1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case 'b', 'f':
		return ' ', 2
	case 'u':
		first := unit(b)
		if utf16.IsSurrogate(first) && len(b) >= 12 {
			if c := utf16.DecodeRune(first, unit(b[6:])); c != utf8.RuneError {
				return c, 12
			}
		}
		return first, min(6, len(b))
	}
	return rune(b[1]), 2
}

// unit reads \u1234.
func unit(b []byte) rune {
	var text string
	if len(b) < 6 || json.Unmarshal([]byte(`"`+string(b[:6])+`"`), &text) != nil {
		return utf8.RuneError
	}
	v := rune(0)
	for _, c := range b[2:6] {
		digit := rune(fold(c))
		if digit >= 'a' {
			digit -= 'a' - 10
		} else {
			digit -= '0'
		}
		v = v<<4 | digit
	}
	return v
}

// jsonHits returns the secrets in the JSON of an event.
func (d *Detector) jsonHits(event int, data []byte) []Hit {
	t := newJSONText(data)
	spans := d.Find(string(t.text))
	var hits []Hit
	for _, s := range t.segs {
		for _, span := range spans {
			from, to := max(span.From, s.text), min(span.To, s.text+s.n)
			if from >= to {
				continue
			}
			if s.to-s.from == s.n && data[s.from] != '\\' {
				hits = append(hits, Hit{event, s.from + from - s.text, s.from + to - s.text, span.Rule})
			} else {
				hits = append(hits, Hit{event, s.from, s.to, span.Rule})
			}
		}
	}
	return hits
}
