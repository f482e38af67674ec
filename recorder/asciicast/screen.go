package asciicast

import (
	"bytes"
	"strings"
)

// maxInit bounds what a segment's snapshot replays.
const maxInit = 64 << 10

// screen keeps the output that, played on an empty terminal, gives the screen at hand: everything since the last time that
// the screen was cleared, apart for the main and the alternate screen. Beyond maxInit it keeps the newest, from the begin of a
// line on: exact for text that scrolls, an approximation for a full-screen program that has long not repainted everything.
// Attributes and margins that were set before a clearing are forgotten.
type screen struct {
	main, alt []byte
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
		if s.inAlt {
			s.alt = add(s.alt, before)
		} else {
			s.main = add(s.main, before)
		}
		if !found {
			return
		}
		s.inAlt, s.alt, text = !s.inAlt, s.alt[:0], after
	}
}

// add adds a piece of output and drops what cannot be seen any more. What is too long is cut now and then, not each time.
func add(kept []byte, text string) []byte {
	for _, c := range clears {
		if i := strings.LastIndex(text, c); i >= 0 {
			kept, text = kept[:0], text[i:]
		}
	}
	kept = append(kept, text...)
	if len(kept) > 4*maxInit {
		kept = append(kept[:0], cut(kept)...)
	}
	return kept
}

// cut returns at most maxInit bytes, from the begin of a line on.
func cut(kept []byte) []byte {
	if len(kept) <= maxInit {
		return kept
	}
	kept = kept[len(kept)-maxInit:]
	if i := bytes.IndexByte(kept, '\n'); i >= 0 {
		return kept[i+1:]
	}
	return bytes.ToValidUTF8(kept, nil)
}

// init is what to play on an empty terminal.
func (s *screen) init() string {
	out := string(cut(s.main))
	if s.inAlt {
		out += enterAlt + string(cut(s.alt))
	}
	return out + s.tail
}
