package secret

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	maxKnown    = 1000
	minKnownLen = 6
	maxKnownLen = 1024
	knownKey    = 8 // bytes of a form that the automaton looks for
)

// knownForms returns every form in which the values are looked for.
func knownForms(values []string) ([]string, error) {
	if len(values) > maxKnown {
		return nil, fmt.Errorf("%d known values: at most %d", len(values), maxKnown)
	}
	var forms []string
	for i, v := range values {
		if len(v) < minKnownLen || len(v) > maxKnownLen || strings.ContainsAny(v, "\r\n") {
			return nil, fmt.Errorf("known value %d: want %d to %d bytes on one line", i+1, minKnownLen, maxKnownLen)
		}
		forms = append(forms, v, url.QueryEscape(v), url.PathEscape(v), lowerEscapes(url.QueryEscape(v)), lowerEscapes(url.PathEscape(v)))
		forms = append(forms, base64Forms(v)...)
	}
	slices.Sort(forms)
	return slices.Compact(forms), nil
}

// base64Forms returns what base64 makes of a value whatever stands before and after it: for each of the three places at which
// it can begin, the characters that come from its own bits alone.
func base64Forms(v string) []string {
	var forms []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for lead := range 3 {
			text := enc.EncodeToString(append(make([]byte, lead), v...))
			text = text[(lead*8+5)/6:]
			if (lead+len(v))%3 != 0 {
				text = text[:len(text)-1] // its last bits are those of what follows
			}
			if len(text) >= minKnownLen {
				forms = append(forms, text)
			}
		}
	}
	return forms
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			b[i+1], b[i+2] = fold(b[i+1]), fold(b[i+2])
		}
	}
	return string(b)
}
