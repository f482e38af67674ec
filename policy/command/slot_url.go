package command

import (
	"fmt"
	"strings"
)

// urlSlot is a URL: scheme and host byte for byte, the path by glob as in a glob slot, the query by glob if there may be one.
type urlSlot struct {
	origin   string // "https://example.com:8443"
	path     []string
	query    string
	hasQuery bool
}

func parseURL(arg string) (value, error) {
	usage := fmt.Errorf("%q is not a URL by glob: write <url:https://example.com/**>, or <url:https://example.com/**?*> if it may have a query", arg)
	origin, rest, ok := cutOrigin(arg)
	if !ok {
		return nil, usage
	}
	s := urlSlot{origin: origin}
	path, query, hasQuery := strings.Cut(rest, "?")
	s.query, s.hasQuery = query, hasQuery
	if s.path, ok = urlPath(strings.ReplaceAll(path, "*", "a")); !ok || !urlText(strings.ReplaceAll(query, "*", "a")) {
		return nil, usage
	}
	s.path, _ = urlPath(path)
	for _, c := range s.path {
		if strings.Contains(c, "**") && c != "**" {
			return nil, fmt.Errorf("** in a URL is a component of its own, between slashes; found %q", c)
		}
	}
	return s, nil
}

func (s urlSlot) admits(m *matcher, word string, _ bool) bool {
	if partlyUnknown(word) {
		return m.lenient
	}
	rest, ok := strings.CutPrefix(word, s.origin)
	if !ok || len(word) > maxForm || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return false
	}
	if m.lenient {
		path, _, _ := strings.Cut(rest, "?")
		return matchComponents(s.path, strings.FieldsFunc(decoded(path), func(r rune) bool { return r == '/' }))
	}
	path, query, hasQuery := strings.Cut(rest, "?")
	components, ok := urlPath(path)
	return ok && matchComponents(s.path, components) && (!hasQuery || s.hasQuery && urlText(query) && MatchName(s.query, query))
}

// cutOrigin cuts scheme, host and port off a URL. User names and passwords are not allowed.
func cutOrigin(url string) (origin, rest string, ok bool) {
	scheme, after, ok := strings.Cut(url, "://")
	if !ok || scheme == "" || !onlyBytes(scheme, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' }) {
		return "", "", false
	}
	length := strings.IndexAny(after, "/?")
	if length < 0 {
		length = len(after)
	}
	authority, rest := after[:length], after[length:]
	host, port, hasPort := strings.Cut(authority, ":")
	n, okPort := decimal(port)
	if !hostName(host) || hasPort && (!okPort || n == 0 || n > 65535) {
		return "", "", false
	}
	return scheme + "://" + authority, rest, true
}

// urlPath cuts a path into components. It refuses what servers or clients may read as another path: empty, "." and ".."
// components, encoded dots, slashes, backslashes, percent signs and control characters, and curl's {a,b} and [1-9].
func urlPath(path string) ([]string, bool) {
	if path == "" || path == "/" {
		return nil, true
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	components := strings.Split(path, "/")
	if len(components) > maxComponents {
		return nil, false
	}
	for _, c := range components {
		if c == "" || c == "." || c == ".." || !urlText(c) {
			return nil, false
		}
	}
	return components, true
}

// urlText reports whether a part of a URL has only one reading.
func urlText(text string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("#\\{}[]<>\"`^|", c) >= 0 {
			return false
		}
		if c == '%' && !plainEscape(text[i:]) {
			return false
		}
	}
	return true
}

// plainEscape reports whether text begins with the percent-encoding of a byte that changes no path when it is decoded.
func plainEscape(text string) bool {
	if len(text) < 3 {
		return false
	}
	high, low := hexDigit(text[1]), hexDigit(text[2])
	if high < 0 || low < 0 {
		return false
	}
	b := byte(high<<4 | low)
	return b >= 0x20 && b != 0x7f && strings.IndexByte(`./\%`, b) < 0
}

// decoded is the path as a server reads it. What is no escape stays.
func decoded(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) && hexDigit(path[i+1]) >= 0 && hexDigit(path[i+2]) >= 0 {
			b.WriteByte(byte(hexDigit(path[i+1])<<4 | hexDigit(path[i+2])))
			i += 2
			continue
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
