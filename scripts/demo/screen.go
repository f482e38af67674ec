package main

import (
	"fmt"
	"io"
	"strings"
)

// screen prints what happens line by line and counts what was checked.
type screen struct {
	out            io.Writer
	colour         bool // only on a terminal
	passed, failed int
}

// shownLines bounds how much of a program's output is shown.
const shownLines = 4

func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n%s\n", s.paint("1", text)) }

func (s *screen) note(format string, a ...any) { fmt.Fprintf(s.out, "\n"+format+"\n", a...) }

// command shows a line as a person would type it in the demo's folder.
func (s *screen) command(line string) { fmt.Fprintf(s.out, "  %s\n", s.paint("36", "$ "+line)) }

// output shows the beginning of what a program said, safe for a terminal.
func (s *screen) output(text string) {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i, line := range lines {
		if i == shownLines {
			fmt.Fprintf(s.out, "  | … %d more lines\n", len(lines)-i)
			return
		}
		if line = plain(line); line != "" {
			fmt.Fprintf(s.out, "  | %s\n", line)
		}
	}
}

// check prints one outcome; saw is shown only when it is not the claimed one.
func (s *screen) check(claim string, ok bool, saw string) {
	if ok {
		s.passed++
		fmt.Fprintf(s.out, "  %s %s\n", s.paint("32", "✓"), claim)
		return
	}
	s.failed++
	fmt.Fprintf(s.out, "  %s %s: saw %q\n", s.paint("31", "✗"), claim, saw)
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// plain drops what could drive a terminal and cuts long lines.
func plain(line string) string {
	const widest = 160
	runes := []rune(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, line))
	if len(runes) > widest {
		return string(runes[:widest]) + "…"
	}
	return string(runes)
}
