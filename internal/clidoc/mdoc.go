package clidoc

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Page is one page: its name with the section, "gatehouse-issue.1", and its text in mdoc(7).
type Page struct{ Name, Text string }

// mdoc writes a page, macro by macro.
type mdoc struct{ strings.Builder }

// begin writes what every page begins with. No program is named, so that pages of one version are the same everywhere.
func (m *mdoc) begin(title string, section int, date time.Time) {
	fmt.Fprintf(m, ".Dd %s\n.Dt %s %d\n.Os Gatehouse\n", date.UTC().Format("January 2, 2006"), strings.ToUpper(title), section)
}

// macro writes a line that calls a macro; its words are never taken for macros themselves.
func (m *mdoc) macro(name string, words ...string) {
	m.WriteString("." + name)
	for _, w := range words {
		m.WriteString(" " + word(w))
	}
	m.WriteByte('\n')
}

// raw writes a line of macros as it is.
func (m *mdoc) raw(line string) { m.WriteString(line + "\n") }

// word is an argument of a macro, in quotes, with what keeps it from being a macro.
func word(w string) string { return `"\&` + strings.ReplaceAll(escape(w), `"`, `\(dq`) + `"` }

func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `'`, `\(aq`).Replace(text)
}

var sentence = regexp.MustCompile(`([.:;?!]) +(["(A-Z])`)

// text writes a paragraph, each sentence on a line of its own.
func (m *mdoc) text(paragraph string) {
	paragraph = strings.Join(strings.Fields(paragraph), " ")
	for _, line := range strings.Split(sentence.ReplaceAllString(paragraph, "$1\n$2"), "\n") {
		line = escape(line)
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		if line != "" {
			m.raw(line)
		}
	}
}

// literal writes lines as they are.
func (m *mdoc) literal(lines []string) {
	m.raw(".Bd -literal -offset indent")
	for _, line := range lines {
		line = escape(line)
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		m.raw(line)
	}
	m.raw(".Ed")
}

// prose writes a text as go/doc reads one: paragraphs between blank lines, and examples that are indented.
func (m *mdoc) prose(text string) {
	for i, block := range blocks(text) {
		if i > 0 {
			m.raw(".Pp")
		}
		if block.example {
			m.literal(block.lines)
		} else {
			m.text(strings.Join(block.lines, " "))
		}
	}
}

// block is a paragraph, or an example without its indentation.
type block struct {
	example bool
	lines   []string
}

func blocks(text string) []block {
	var out []block
	fresh := true
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		example := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case strings.TrimSpace(line) == "":
			fresh = true
			continue
		case fresh || out[len(out)-1].example != example:
			out = append(out, block{example: example})
			fresh = false
		}
		last := &out[len(out)-1]
		last.lines = append(last.lines, strings.TrimSpace(line))
	}
	return out
}
