package web

import (
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// screen is a session's screen as the live view builds it: the screen so far in one piece, then event by event.
type screen struct {
	cols, rows int
	at         float64
	events     int // how many of the recording are in past
	past       *vt.Terminal
	text       *replay.Screen
}

func newScreen(h recorder.Header) *screen {
	sc := &screen{cols: 80, rows: 24, text: replay.NewScreen(h.PTY)}
	if validSize(h.Cols, h.Rows) {
		sc.cols, sc.rows = h.Cols, h.Rows
	}
	sc.past = vt.New(sc.cols, sc.rows)
	return sc
}

// screenSoFar reads what is on the disk.
func screenSoFar(rec *console.Playback) *screen {
	sc := newScreen(rec.Recording.Header())
	for e, err := range rec.SoFar {
		if err != nil {
			break // a live recording may end in the middle; what follows comes live
		}
		sc.events++
		sc.at = e.At.Seconds()
		switch e.Code {
		case recorder.Resize:
			if sc.resize(e.Data) {
				sc.past.Resize(sc.cols, sc.rows)
			}
		case recorder.Output, recorder.Stderr:
			_, _ = sc.past.Write([]byte(sc.text.Text(e))) // never fails
		}
	}
	return sc
}

func validSize(cols, rows int) bool { return cols > 0 && rows > 0 && cols <= 1000 && rows <= 1000 }

func (sc *screen) resize(data []byte) bool {
	var size struct{ Cols, Rows int }
	if json.Unmarshal(data, &size) != nil || !validSize(size.Cols, size.Rows) {
		return false
	}
	sc.cols, sc.rows = size.Cols, size.Rows
	return true
}

// snapshot is the player's first message. The terminal is not needed after it.
func (sc *screen) snapshot() any {
	init := sc.past.Snapshot()
	sc.past = nil
	return struct {
		Cols int     `json:"cols"`
		Rows int     `json:"rows"`
		Time float64 `json:"time"`
		Init string  `json:"init"`
	}{sc.cols, sc.rows, sc.at, init}
}

// line is the player's message for one event, nil if a viewer sees nothing of it.
func (sc *screen) line(e recorder.Event) any {
	switch e.Code {
	case recorder.Resize:
		if sc.resize(e.Data) {
			return []any{e.At.Seconds(), "r", fmt.Sprintf("%dx%d", sc.cols, sc.rows)}
		}
	case recorder.Output, recorder.Stderr:
		if text := sc.text.Text(e); text != "" {
			return []any{e.At.Seconds(), "o", text}
		}
	default:
		if kind, text, ok := console.Happening(e); ok {
			return []any{e.At.Seconds(), "m", happening{kind, console.Visible(shortened(text))}}
		}
	}
	return nil
}

// happening is a moment of the timeline as a viewer of a live session is told it.
type happening struct {
	Kind  string `json:"kind"`
	Label string `json:"label"`
}

// maxHappening is how many bytes of a moment's text are told.
const maxHappening = 2048

func shortened(text string) string {
	if len(text) <= maxHappening {
		return text
	}
	return strings.ToValidUTF8(text[:maxHappening], "") + "…"
}
