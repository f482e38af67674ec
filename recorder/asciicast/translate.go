// Package asciicast turns recordings into asciicast, version 2 and 3.
//
// It trusts recordings to be in order (recorder.Reader checks that) and nothing in their bytes. Everything here is made when
// it is served: the recording keeps exact bytes, this keeps what a terminal would show. Bytes that are not UTF-8 become
// U+FFFD, a character that was split between two reads is put together again, and without a pty a line feed becomes a
// carriage return and a line feed. Input is left out unless it is asked for. What could drive a terminal beyond drawing is left
// out too (package replay): a cast is played on terminals.
package asciicast

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// Options says how a recording is shown.
type Options struct {
	// Idle is the longest pause; longer ones are shortened to it. 0 keeps them all.
	Idle time.Duration
	// Input includes what the client sent, which may hold passwords.
	Input bool
}

// event is one that asciicast knows, at its played time.
type event struct {
	at   time.Duration
	code byte
	data string
}

// translator turns recorded events into asciicast events.
type translator struct {
	opts   Options
	screen *replay.Screen
	real   time.Duration // of the last recorded event
	played time.Duration
	tail   []byte // the begin of a character of input
}

func newTranslator(h recorder.Header, opts Options) translator {
	return translator{opts: opts, screen: replay.NewScreen(h.PTY)}
}

// next translates an event; ok is false for those that asciicast does not know or that have nothing to show yet.
func (t *translator) next(e recorder.Event) (out event, ok bool) {
	pause := e.At - t.real
	if t.opts.Idle > 0 && pause > t.opts.Idle {
		pause = t.opts.Idle
	}
	t.real, t.played = e.At, t.played+pause
	out = event{at: t.played}
	switch e.Code {
	case recorder.Output, recorder.Stderr:
		out.code, out.data = 'o', t.screen.Text(e)
	case recorder.Input:
		if !t.opts.Input {
			return out, false
		}
		out.code, out.data = 'i', t.input(e.Data)
	case recorder.Resize:
		out.code, out.data = 'r', size(e.Data)
	case recorder.Exit:
		out.code, out.data = 'x', status(e.Data)
	default:
		out.code, out.data = 'm', Label(e)
	}
	return out, out.data != ""
}

// input decodes a piece of input.
func (t *translator) input(b []byte) string {
	b = append(t.tail, b...)
	out := make([]byte, 0, len(b))
	for utf8.FullRune(b) {
		r, n := utf8.DecodeRune(b)
		out, b = utf8.AppendRune(out, r), b[n:]
	}
	t.tail = append([]byte(nil), b...)
	return string(out)
}

// size returns "80x24", or nothing if the event makes no sense.
func size(data []byte) string {
	var r struct{ Cols, Rows int }
	if json.Unmarshal(data, &r) != nil || !validSize(r.Cols, r.Rows) {
		return ""
	}
	return sizeText(r.Cols, r.Rows)
}

// status returns the exit status as asciicast v3 has it; an end by a signal, which has no number there, is 255.
func status(data []byte) string {
	var x struct {
		Status *int
		Signal string
	}
	if json.Unmarshal(data, &x) != nil || x.Status == nil {
		return "255"
	}
	b, err := json.Marshal(*x.Status)
	if err != nil {
		return "255"
	}
	return string(b)
}

// Label returns the marker for an event that matters when looking for it: a denial or a kill.
func Label(e recorder.Event) string {
	switch e.Code {
	case recorder.Kill:
		var k struct{ By string }
		if json.Unmarshal(e.Data, &k) == nil && k.By != "" {
			return clip("killed by "+k.By, 200)
		}
		return "killed"
	case recorder.Decision:
		var d struct{ Verdict, Code string }
		if json.Unmarshal(e.Data, &d) == nil && d.Verdict == "deny" {
			return clip("denied: "+d.Code, 200)
		}
	}
	return ""
}

// clip cuts s to at most n bytes, at the end of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
