package web

import (
	"bytes"
	"encoding/json"

	"gatehouse/internal/console"
	"gatehouse/recorder"
)

// maxSnapshot bounds what a late viewer of a live session gets of the past.
const maxSnapshot = 256 << 10

// screen is a session's screen as the live view builds it: the output so far in one piece, then event by event.
type screen struct {
	cols, rows int
	at         float64
	events     int // how many of the recording are in past
	past       []byte
	text       castText
}

// screenSoFar reads what is on the disk. Without a terminal emulator the state is the output itself, from the last time the
// whole screen was cleared, and of that at most the last 256 KiB.
func screenSoFar(rec *console.Playback) *screen {
	h := rec.Recording.Header()
	sc := &screen{cols: 80, rows: 24, text: castText{pty: h.PTY}}
	if h.Cols > 0 && h.Rows > 0 {
		sc.cols, sc.rows = h.Cols, h.Rows
	}
	for e, err := range rec.SoFar {
		if err != nil {
			break // a live recording may end in the middle; what follows comes live
		}
		sc.events++
		sc.at = e.At.Seconds()
		switch e.Code {
		case recorder.Resize:
			sc.resize(e.Data)
		case recorder.Output, recorder.Stderr:
			sc.add(sc.text.next(e.Data))
		}
	}
	return sc
}

// add appends output and forgets what a clear of the screen, or the bound, makes needless.
func (sc *screen) add(text string) {
	from := max(0, len(sc.past)-4) // a clear may have begun in what was there
	sc.past = append(sc.past, text...)
	for _, clear := range []string{"\x1bc", "\x1b[2J", "\x1b[3J"} {
		if i := bytes.LastIndex(sc.past[min(from, len(sc.past)):], []byte(clear)); i >= 0 {
			sc.past, from = sc.past[from+i:], 0
		}
	}
	if len(sc.past) <= maxSnapshot {
		return
	}
	sc.past = sc.past[len(sc.past)-maxSnapshot/2:]
	if i := bytes.IndexByte(sc.past, '\n'); i >= 0 {
		sc.past = sc.past[i+1:]
	}
	sc.past = bytes.Clone(sc.past)
}

func (sc *screen) resize(data []byte) bool {
	var size struct{ Cols, Rows int }
	if json.Unmarshal(data, &size) != nil || size.Cols < 1 || size.Rows < 1 || size.Cols > 1000 || size.Rows > 1000 {
		return false
	}
	sc.cols, sc.rows = size.Cols, size.Rows
	return true
}

// snapshot is the player's first message.
func (sc *screen) snapshot() any {
	return struct {
		Cols int     `json:"cols"`
		Rows int     `json:"rows"`
		Time float64 `json:"time"`
		Init string  `json:"init"`
	}{sc.cols, sc.rows, sc.at, string(sc.past)}
}

// line is the player's message for one event, nil if a viewer sees nothing of it.
func (sc *screen) line(e recorder.Event) any {
	switch e.Code {
	case recorder.Resize:
		if sc.resize(e.Data) {
			return []any{e.At.Seconds(), "r", sizeText(sc.cols, sc.rows)}
		}
	case recorder.Output, recorder.Stderr:
		if text := sc.text.next(e.Data); text != "" {
			return []any{e.At.Seconds(), "o", text}
		}
	}
	return nil
}
