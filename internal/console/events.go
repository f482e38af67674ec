package console

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"unicode/utf8"

	"gatehouse/recorder"
)

// eventLine is one event as programs read it. Streams are text where they are UTF-8 and base64 where they are not, so that no
// byte is changed; what is JSON in the recording stays JSON.
type eventLine struct {
	Seconds float64         `json:"t"`
	Code    string          `json:"code"`
	Text    string          `json:"text,omitempty"`
	Base64  string          `json:"base64,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func lineOf(e recorder.Event) eventLine {
	line := eventLine{Seconds: e.At.Seconds(), Code: string(rune(e.Code))}
	stream := e.Code == recorder.Output || e.Code == recorder.Stderr || e.Code == recorder.Input
	switch {
	case !stream && json.Valid(e.Data):
		line.Data = e.Data
	case utf8.Valid(e.Data):
		line.Text = string(e.Data)
	default:
		line.Base64 = base64.StdEncoding.EncodeToString(e.Data)
	}
	return line
}

// writeEvents writes one JSON object a line, each as soon as it is there.
func writeEvents(w io.Writer, events iter.Seq2[recorder.Event, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		line, err := marshal(lineOf(e), "")
		if err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}
