package index

import (
	"encoding/json"
	"hash/maphash"
	"strings"
	"time"

	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// The bounds of rows.
const (
	maxRow    = 16 << 10        // bytes of one; a longer one becomes several
	lookEvery = 2 * time.Second // how often a screen that is painted over is read
	maxSeen   = 4096            // rows of painted screens that are remembered, so that they come once
	rowsFree  = 16 << 20        // bytes of rows that any recording may have, and
	rowsEach  = 16              // for each byte of its output: a few bytes can fill a screen, again and again
	rowCost   = 64              // bytes that a row counts for beside its text
)

// rows makes rows of what a terminal shows: lines as they leave the main screen, at its top or because it is cleared; the rest
// of that screen when a command begins or ends; the alternate screen every two seconds, and when it is left. What is painted over within
// that is not seen: a progress bar is one row, as it ended.
//
// Lines carry marks, the time of their last change, made to rise with every write: so a line that was read from the screen does
// not come again when it leaves it.
type rows struct {
	term    *vt.Terminal
	emit    func(Row)
	command int
	asked   string // the session's own line, as a row: the line of a governed shell that says it again is none
	mark    int64
	read    int64 // marks up to this one were read from the main screen
	altRead int64 // and from the alternate one

	part   strings.Builder // of a line that goes on in the next
	partAt int64

	seed   maphash.Seed
	seen   map[uint64]bool
	looked time.Duration // when a painted screen was last read
	fed    int           // bytes since

	room    int // bytes of rows that there is room for; output makes more
	omitted int // rows that there was none for
}

func newRows(term *vt.Terminal, emit func(Row)) *rows {
	r := &rows{term: term, emit: emit, room: rowsFree, seed: maphash.MakeSeed(), seen: map[uint64]bool{}, looked: -lookEvery}
	term.OnLine(r.line)
	return r
}

// stamp makes the next mark: the time, moved on by a microsecond where nothing has passed.
func (r *rows) stamp(at time.Duration) {
	r.mark = max(r.mark+1, at.Microseconds())
	r.term.SetMark(r.mark)
}

// write feeds the terminal, and reads an alternate screen before that is lost.
func (r *rows) write(at time.Duration, text string) {
	r.room += rowsEach * len(text)
	r.fed += len(text)
	for r.term.Alternate() || strings.Contains(text, enter) {
		n, length := screenGoes(text)
		if length == 0 {
			break
		}
		r.feed(at, text[:n])
		r.look(at, true)
		r.feed(at, text[n:n+length])
		text = text[n+length:]
	}
	r.feed(at, text)
	r.look(at, false)
}

func (r *rows) feed(at time.Duration, text string) {
	if text != "" {
		r.stamp(at)
		_, _ = r.term.Write([]byte(text)) // never fails
	}
}

// The sequences with which an alternate screen goes, as replay.Screen lets them through, and how those begin that bring it.
var (
	leaves = []string{"\x1b[?1049l", "\x1b[?1047l", "\x1b[?47l", "\x1b[2J", "\x1bc"}
	enter  = "\x1b[?"
)

// screenGoes returns where an alternate screen would go, and how long the sequence is; 0 if it stays.
func screenGoes(text string) (at, length int) {
	for {
		i := strings.IndexByte(text[at:], 0x1b)
		if i < 0 {
			return at, 0
		}
		at += i
		for _, m := range leaves {
			if strings.HasPrefix(text[at:], m) {
				return at, len(m)
			}
		}
		at++
	}
}

// look reads the alternate screen, if enough was written or enough time has passed since the last time: reading costs as much as
// the screen is large.
func (r *rows) look(at time.Duration, going bool) {
	if !r.term.Alternate() {
		return
	}
	cols, lines := r.term.Size()
	if at-r.looked < lookEvery && (!going || r.fed < cols*lines/8) {
		return
	}
	r.looked, r.fed = at, 0
	r.screen(true)
}

// screen emits what is on the screen and was not read from it before; once emits no row twice.
func (r *rows) screen(once bool) {
	read := &r.read
	if r.term.Alternate() {
		read = &r.altRead
	}
	r.endPart()
	for _, l := range r.term.Screen() {
		r.add(l, *read, once)
	}
	r.endPart()
	*read = r.mark
}

// line takes a line that leaves the top of the main screen.
func (r *rows) line(l vt.Line) { r.add(l, r.read, false) }

// add takes a line, unless it is as it was read.
func (r *rows) add(l vt.Line, read int64, once bool) {
	if l.Mark <= read && r.part.Len() == 0 {
		return
	}
	r.part.WriteString(l.Text)
	r.partAt = max(r.partAt, l.Mark)
	if !l.Wrapped || r.part.Len() >= maxRow {
		r.put(once)
	}
}

func (r *rows) endPart() {
	if r.part.Len() > 0 {
		r.put(false)
	}
}

// put emits the line at hand.
func (r *rows) put(once bool) {
	part, at := r.part.String(), micros(r.partAt)
	r.part.Reset()
	r.partAt = 0
	if cost := len(part) + rowCost; part != "" && cost > r.room {
		r.omitted++
		return
	}
	text := oneLine(part)
	if text == "" || once && !r.fresh(text) {
		return
	}
	r.room -= len(part) + rowCost
	for len(text) > maxRow {
		n := maxRow
		for n > 0 && text[n]&0xc0 == 0x80 {
			n--
		}
		r.emit(Row{At: at, Command: r.command, Kind: KindOutput, Text: text[:n]})
		text = text[n:]
	}
	r.emit(Row{At: at, Command: r.command, Kind: KindOutput, Text: text})
}

// fresh says whether a row of a painted screen is a new one.
func (r *rows) fresh(text string) bool {
	h := maphash.String(r.seed, text)
	if r.seen[h] {
		return false
	}
	if len(r.seen) >= maxSeen {
		clear(r.seen)
	}
	r.seen[h] = true
	return true
}

// event takes an event that belongs to no stream.
func (r *rows) event(e recorder.Event) {
	switch e.Code {
	case recorder.Command:
		r.end(e.At)
		r.command++
		var c struct{ Line string }
		if json.Unmarshal(e.Data, &c) != nil {
			c.Line = string(e.Data)
		}
		if r.asked = cutRow(c.Line); r.asked != "" {
			text := r.asked
			r.emit(Row{At: e.At, Command: r.command, Kind: KindCommand, Text: text})
		}
	case recorder.Line, recorder.Step:
		text, begins := recorder.ShellLine(e)
		if e.Code == recorder.Step && begins {
			r.end(e.At)
			r.command++
		}
		if text = cutRow(text); text != "" && begins && !(e.Code == recorder.Line && text == r.asked) {
			r.emit(Row{At: e.At, Command: r.command, Kind: KindCommand, Text: text})
		}
	case recorder.File:
		if line, ok := recorder.FileLine(e.Data); ok {
			r.emit(Row{At: e.At, Command: r.command, Kind: KindOutput, Text: cutRow(line)})
		}
	case recorder.Forward:
		r.emit(Row{At: e.At, Command: r.command, Kind: KindOutput, Text: cutRow(recorder.ForwardLine(e.Data))})
	case recorder.Exit, recorder.Kill:
		r.end(e.At)
	}
}

// cutRow makes one row of a text.
func cutRow(text string) string {
	text = oneLine(text)
	return strings.ToValidUTF8(text[:min(len(text), maxRow)], "")
}

// end emits the rest of the screen.
func (r *rows) end(at time.Duration) {
	r.screen(r.term.Alternate())
	clear(r.seen)
	r.looked, r.fed = at, 0
	r.stamp(at)
}

// at is the time of the last write.
func (r *rows) at() time.Duration { return micros(r.mark) }

// oneLine has no control characters, none that change the reading of their neighbours, and no blanks at its end.
func oneLine(s string) string {
	out := make([]byte, 0, len(s))
	for _, c := range s {
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		out = replay.AppendRune(out, c) // what is no UTF-8 is U+FFFD here
	}
	return strings.TrimRight(string(out), " ")
}
