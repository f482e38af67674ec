package asciicast

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"gatehouse/recorder"
)

// Version is a version of asciicast.
type Version int

// The versions that Export writes.
const (
	V2 Version = 2
	V3 Version = 3
)

// Export writes a recording as asciicast, with nothing but the standard's own events: o, i, r and m, and x in version 3.
// It returns the error that ended the events after writing what came before it.
func Export(w io.Writer, v Version, h recorder.Header, events iter.Seq2[recorder.Event, error], opts Options) error {
	if v != V2 && v != V3 {
		return fmt.Errorf("asciicast version %d is not known", v)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	head, err := json.Marshal(header(v, h))
	if err != nil {
		return fmt.Errorf("asciicast header: %w", err)
	}
	out.Write(append(head, '\n'))
	t := newTranslator(h, opts)
	var last time.Duration
	for e, err := range events {
		if err != nil {
			out.Flush()
			return err
		}
		c, ok := t.next(e)
		if !ok || (v == V2 && c.code == 'x') {
			continue
		}
		at := c.at
		if v == V3 {
			at -= last // intervals of whole microseconds do not drift
		}
		last = c.at
		if _, err := out.Write(append(AppendEvent(out.AvailableBuffer(), at, c.code, c.data), '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

type termV3 struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Type string `json:"type,omitempty"`
}

// header returns the first line.
func header(v Version, h recorder.Header) any {
	cols, rows := termSize(h)
	title := h.Identity + " on " + h.Login + "@" + h.Target
	if v == V2 {
		env := map[string]string{}
		if h.Term != "" {
			env["TERM"] = h.Term
		}
		return struct {
			Version   int               `json:"version"`
			Width     int               `json:"width"`
			Height    int               `json:"height"`
			Timestamp int64             `json:"timestamp"`
			Title     string            `json:"title"`
			Env       map[string]string `json:"env,omitempty"`
			Session   string            `json:"x-gatehouse-session"`
		}{2, cols, rows, h.Started.Unix(), title, env, h.Session}
	}
	return struct {
		Version   int    `json:"version"`
		Term      termV3 `json:"term"`
		Timestamp int64  `json:"timestamp"`
		Title     string `json:"title"`
		Session   string `json:"x-gatehouse-session"`
	}{3, termV3{cols, rows, h.Term}, h.Started.Unix(), title, h.Session}
}

// AppendEvent appends [seconds, code, data] to b.
func AppendEvent(b []byte, at time.Duration, code byte, data string) []byte {
	b = append(b, '[')
	b = AppendSeconds(b, at)
	b = append(b, `,"`...)
	b = append(b, code)
	b = append(b, `",`...)
	text, err := json.Marshal(data)
	if err != nil {
		text = []byte(`""`) // a string always marshals
	}
	return append(append(b, text...), ']')
}

// AppendSeconds appends d in seconds, whole microseconds exactly.
func AppendSeconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	b = strconv.AppendInt(b, us/1e6, 10)
	return fmt.Appendf(b, ".%06d", us%1e6)
}

// The size that a recording without a terminal is shown in.
const (
	defaultCols = 80
	defaultRows = 24
	maxSize     = 1000
)

func validSize(cols, rows int) bool {
	return cols > 0 && rows > 0 && cols <= maxSize && rows <= maxSize
}

func termSize(h recorder.Header) (cols, rows int) {
	if validSize(h.Cols, h.Rows) {
		return h.Cols, h.Rows
	}
	return defaultCols, defaultRows
}

func sizeText(cols, rows int) string { return strconv.Itoa(cols) + "x" + strconv.Itoa(rows) }
