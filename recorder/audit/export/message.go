package export

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/ocsf"
)

// maxMessage bounds a syslog message. RFC 5425 asks receivers for 8,192 bytes and allows more; what an entry's data makes larger
// than this goes without the data.
const maxMessage = 64 << 10

// structuredID names our structured data. 32473 is the enterprise number that RFC 5612 sets aside for those who have none.
const structuredID = "gatehouse@32473"

// message appends a stored entry as a syslog message (RFC 5424).
type message struct {
	facility int
	format   string // of MSG: text, entry or ocsf
}

func (m *message) append(dst []byte, r audit.Record) ([]byte, error) {
	e, err := audit.Parse(r.Line)
	if err != nil {
		return nil, err
	}
	dst = fmt.Appendf(dst, "<%d>1 %s %s gatehouse - %s ", m.facility*8+severity(e), e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), printable(e.Node, 255), printable(string(e.Type), 32))
	leaf := r.Leaf()
	dst = append(structured(dst, e, leaf.String()), ' ')
	head := len(dst)
	if dst, err = m.body(dst, e, leaf, r.Line); err != nil || len(dst) <= maxMessage || len(e.Data) == 0 {
		return dst, err
	}
	// An entry that is too large goes without its data, which says how many bytes were left out. The log has them.
	e.Data = fmt.Appendf(nil, `{"left_out":%d}`, len(e.Data))
	line, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return m.body(dst[:head], e, leaf, line)
}

func (m *message) body(dst []byte, e audit.Entry, leaf tlog.Hash, line []byte) ([]byte, error) {
	switch m.format {
	case "text":
		return append(dst, sentence(e)...), nil
	case "ocsf":
		return ocsf.Append(dst, e, leaf)
	}
	return append(dst, line...), nil
}

// severity is how much an entry matters (RFC 5424, section 6.2.1).
func severity(e audit.Entry) int {
	switch ocsf.SeverityOf(e) {
	case ocsf.High:
		return 3 // error
	case ocsf.Medium:
		return 4 // warning
	case ocsf.Low:
		return 5 // notice
	}
	return 6 // informational
}

// structured appends the structured data: what one filters by without reading the message.
func structured(dst []byte, e audit.Entry, leaf string) []byte {
	dst = append(dst, '[')
	dst = append(dst, structuredID...)
	for _, p := range [...]struct{ name, value string }{
		{"seq", strconv.FormatInt(e.Seq, 10)}, {"leaf", leaf}, {"type", string(e.Type)}, {"outcome", e.Outcome}, {"actor", e.Actor},
		{"owner", e.Owner}, {"task", e.Task}, {"session", e.Session}, {"conn", e.Conn}, {"target", e.Target}, {"login", e.Login}, {"rule", e.Rule},
	} {
		if p.value != "" {
			dst = append(append(append(dst, ' '), p.name...), `="`...)
			dst = append(appendText(dst, p.value, `"\]`), '"') // RFC 5424, section 6.3.3
		}
	}
	return append(dst, ']')
}

// appendText appends a text without control characters, which receivers treat differently; what is in escaped gets a backslash.
func appendText(dst []byte, value, escaped string) []byte {
	for _, c := range cut(value, 1024) {
		switch {
		case strings.ContainsRune(escaped, c):
			dst = append(dst, '\\', byte(c))
		case c < ' ' || c == 0x7f || c == utf8.RuneError || unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028 || c == 0x2029:
			dst = append(dst, '?')
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}

// sentence says an entry in words, in one line.
func sentence(e audit.Entry) []byte {
	b := []byte(e.Type)
	for _, p := range [...]struct{ before, value string }{
		{" ", e.Outcome}, {" by ", e.Actor}, {" on ", strings.Trim(e.Login+"@"+e.Target, "@")}, {" about ", e.Object}, {" by rule ", e.Rule}, {": ", e.Reason},
	} {
		if p.value != "" {
			b = appendText(append(b, p.before...), p.value, "")
		}
	}
	return b
}

// printable makes a header's field of a text: visible ASCII, "-" for nothing.
func printable(text string, most int) string {
	out := strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return '_'
		}
		return c
	}, text)
	if out == "" {
		return "-"
	}
	return out[:min(len(out), most)]
}

// cut shortens a text to at most n bytes.
func cut(text string, n int) string { return text[:min(len(text), n)] }
