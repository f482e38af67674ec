package asciicast

import "strings"

// maxInit bounds what a segment's snapshot replays.
const maxInit = 64 << 10

// screen keeps the output that, played on an empty terminal, gives the screen at hand: everything since the last time that
// the screen was cleared, apart for the main and the alternate screen. Beyond maxInit it keeps the newest, from the begin of a
// line on: exact for text that scrolls, an approximation for a full-screen program that has long not repainted everything.
type screen struct {
	main, alt string
	inAlt     bool
	tail      string // an unfinished escape sequence at the end of the last piece
}

const (
	enterAlt = "\x1b[?1049h"
	leaveAlt = "\x1b[?1049l"
)

// clears are the sequences after which what came before cannot be seen.
var clears = [...]string{"\x1b[2J", "\x1b[3J", "\x1bc", "\x1b[H\x1b[J"}

// write adds a piece of output.
func (s *screen) write(text string) {
	text = s.tail + text
	s.tail = ""
	if i := strings.LastIndexByte(text, 0x1b); i >= 0 && len(text)-i < len(enterAlt) {
		text, s.tail = text[:i], text[i:]
	}
	for text != "" {
		mark := enterAlt
		if s.inAlt {
			mark = leaveAlt
		}
		before, after, found := strings.Cut(text, mark)
		s.add(before)
		if !found {
			return
		}
		s.inAlt, s.alt, text = !s.inAlt, "", after
	}
}

// add adds output of the screen that is shown.
func (s *screen) add(text string) {
	p := &s.main
	if s.inAlt {
		p = &s.alt
	}
	*p = keep(*p + text)
}

// keep drops what cannot be seen any more, and what is too long.
func keep(text string) string {
	for _, c := range clears {
		if i := strings.LastIndex(text, c); i > 0 {
			text = text[i:]
		}
	}
	if len(text) <= 2*maxInit {
		return text // cut now and then, not at every piece
	}
	return cut(text)
}

// cut keeps at most maxInit bytes, from the begin of a line on.
func cut(text string) string {
	if len(text) <= maxInit {
		return text
	}
	text = text[len(text)-maxInit:]
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[i+1:]
	}
	return strings.ToValidUTF8(text, "")
}

// init is what to play on an empty terminal.
func (s *screen) init() string {
	if s.inAlt {
		return cut(s.main) + enterAlt + cut(s.alt) + s.tail
	}
	return cut(s.main) + s.tail
}
