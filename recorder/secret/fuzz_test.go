package secret

import (
	"bytes"
	"encoding/json"
	"testing"

	"gatehouse/recorder"
)

// FuzzEvents: whatever the bytes are and however they are cut, nothing panics, lengths and order stay, what is JSON stays JSON,
// and both ways of masking agree.
func FuzzEvents(f *testing.F) {
	for _, s := range samples() {
		f.Add([]byte("x "+s.before+s.secret+s.after+"\r\n"), uint16(40), byte(7))
	}
	f.Add([]byte("\x1b[31mtoken\x1b[0m=\x1b]0;x\x07a1b2c3d4e5f6\b\b\r\n\x1b[2;1H-----BEGIN"+" PRIVATE KEY-----\r\nAAAA"), uint16(5), byte(3))
	f.Add([]byte(`{"line":"password=hunter2\u00e9\ud83d\ude00\n","plan":{"argv":["a","--token","b1b2b3b4b5"]}}`), uint16(80), byte(200))
	d := detector(f, "known value")
	f.Fuzz(func(t *testing.T, data []byte, cols uint16, every byte) {
		codes := []recorder.Code{recorder.Output, recorder.Output, recorder.Stderr, recorder.Note, recorder.Output, recorder.Decision, recorder.Resize}
		list := []recorder.Event{{Code: recorder.Command, Data: data}}
		for i := 0; len(data) > 0; i++ {
			n := min(len(data), 1+int(every)%(1+i%32*8))
			list = append(list, recorder.Event{Code: codes[i%len(codes)], Data: data[:n]})
			data = data[n:]
		}
		for i, e := range scanned(t, d, recorder.Header{PTY: true, Cols: int(cols), Rows: 24}, list) {
			stream := e.Code == recorder.Output || e.Code == recorder.Stderr
			if !stream && json.Valid(list[i].Data) && !json.Valid(e.Data) {
				t.Errorf("event %d: %q became %q", i, list[i].Data, e.Data)
			}
			if e.Code == recorder.Resize && !bytes.Equal(e.Data, list[i].Data) {
				t.Errorf("a resize became %q", e.Data)
			}
		}
	})
}

// TestAnyCutHidesTheSame: wherever output is cut into two writes, no part of the secret shows.
func TestAnyCutHidesTheSame(t *testing.T) {
	d := detector(t)
	for _, s := range samples() {
		line := "x " + s.before + s.secret + s.after + "\n"
		want := shown(scanned(t, d, recorder.Header{}, outputs(line)))
		for cut := range len(line) {
			if got := shown(scanned(t, d, recorder.Header{}, outputs(line[:cut], line[cut:]))); got != want {
				t.Fatalf("%s, cut at %d: %q, not %q", s.rule, cut, got, want)
			}
		}
	}
}
