package prompt

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/bastion/preview"
)

// The bounds of the history: how many lines, and how long one is.
const (
	maxHistory     = 500
	maxHistoryLine = 16 << 10
)

// history is the lines that were read, oldest first.
type history struct {
	lines []string
	first int // how many were before the oldest
}

func (h *history) len() int { return len(h.lines) }

// add keeps a line, unless it begins with a space, is too long, or is the one before it again.
func (h *history) add(text string) {
	text = strings.TrimRight(text, "\n")
	if strings.TrimSpace(text) == "" || text[0] == ' ' || len(text) > maxHistoryLine {
		return
	}
	if n := len(h.lines); n > 0 && h.lines[n-1] == text {
		return
	}
	h.lines = append(h.lines, text)
	if over := len(h.lines) - maxHistory; over > 0 {
		h.lines = slices.Clone(h.lines[over:])
		h.first += over
	}
}

// list is the last n lines with their numbers, spelt so that they do nothing to a terminal.
func (h *history) list(n int) string {
	var out strings.Builder
	for i := max(0, len(h.lines)-max(n, 0)); i < len(h.lines); i++ {
		fmt.Fprintf(&out, "%5d  %s\n", h.first+i+1, preview.Visible(h.lines[i]))
	}
	return out.String()
}

// browse is where somebody is in the history while a line is edited.
type browse struct {
	at    int    // len: the line itself
	draft []rune // the line, while another is shown
}

func (h *history) up(b *browse, l *line) {
	if b.at == 0 {
		return
	}
	if b.at == len(h.lines) {
		b.draft = slices.Clone(l.text)
	}
	b.at--
	l.set(decode(h.lines[b.at]))
}

func (h *history) down(b *browse, l *line) {
	if b.at >= len(h.lines) {
		return
	}
	b.at++
	if b.at == len(h.lines) {
		l.set(b.draft)
		return
	}
	l.set(decode(h.lines[b.at]))
}

// search is an incremental search backwards, Ctrl-R.
type search struct {
	on     bool
	query  []rune
	at     int // of the line that is shown
	failed bool
	before []rune // the line before
}

// shown is what stands on the terminal during a search.
func (s *search) shown(l line) (prompt string, text []rune, pos int) {
	prompt = "(reverse-i-search)`"
	if s.failed {
		prompt = "(failed reverse-i-search)`"
	}
	for _, r := range s.query {
		p, _ := picture(r)
		prompt += p
	}
	return prompt + "': ", l.text, l.pos
}

// find looks for the query from the line at on backwards.
func (h *history) find(s *search, l *line, at int) {
	query := encode(s.query)
	for i := min(at, len(h.lines)-1); i >= 0; i-- {
		if where := strings.Index(h.lines[i], query); where >= 0 {
			s.at, s.failed = i, false
			l.set(decode(h.lines[i]))
			l.pos = len(decode(h.lines[i][:where]))
			return
		}
	}
	s.failed = true
}

// search does what a key does during a search. goOn is that the search has ended, and the key does what it does without.
func (e *editor) search(k key) (goOn bool, err error) {
	s := &e.found
	switch {
	case k.r == 'R'&31:
		if len(s.query) > 0 {
			e.history.find(s, &e.line, s.at-1)
		}
	case k.r == 0x7f || k.r == 'H'&31:
		s.query = s.query[:max(0, len(s.query)-1)]
		e.history.find(s, &e.line, e.history.len()-1)
	case k.r == 'G'&31 || k.r == keyInterrupt:
		e.line.set(s.before)
		s.on = false
	case k.r >= ' ' && k.r != '\n':
		s.query = append(s.query, k.r)
		e.history.find(s, &e.line, s.at)
	default:
		s.on = false
		e.browse.at = min(s.at, e.history.len())
		return true, nil
	}
	return false, nil
}
