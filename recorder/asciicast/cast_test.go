package asciicast

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

func events(list ...recorder.Event) func(func(recorder.Event, error) bool) {
	return func(yield func(recorder.Event, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func ev(at time.Duration, code recorder.Code, data string) recorder.Event {
	return recorder.Event{At: at, Code: code, Data: []byte(data)}
}

var testHeader = recorder.Header{
	Version: 1, Session: "ses_01KB0000000000000000000000", Identity: "agent:a", Login: "deploy", Target: "web-1",
	Started: time.Unix(1763800000, 0), Term: "xterm",
}

var sample = []recorder.Event{
	ev(0, recorder.Command, `{"line":"ls"}`),
	ev(100*time.Millisecond, recorder.Decision, `{"verdict":"deny","code":"not_allowed"}`),
	ev(500*time.Millisecond, recorder.Output, "a\nb\r\n\xe2\x82"),
	ev(1500*time.Millisecond, recorder.Stderr, "e\n"),
	ev(1500*time.Millisecond, recorder.Output, "\xac\xff\x1b[1m"),
	ev(2*time.Second, recorder.Input, "secret\n"),
	ev(12*time.Second, recorder.Resize, `{"cols":100,"rows":30}`),
	ev(12*time.Second, recorder.Resize, `{"cols":-1,"rows":30}`),
	ev(13*time.Second, recorder.Kill, `{"by":"person:ann"}`),
	ev(14*time.Second, recorder.Exit, `{"status":0}`),
}

func TestExport(t *testing.T) {
	const v3 = `{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"},"timestamp":1763800000,"title":"agent:a on deploy@web-1","x-gatehouse-session":"ses_01KB0000000000000000000000"}
[0.100000,"m","denied: not_allowed"]
[0.400000,"o","a\r\nb\r\n"]
[1.000000,"o","e\r\n"]
[0.000000,"o","€` + "\ufffd" + `\u001b[1m"]
[2.500000,"r","100x30"]
[1.000000,"m","killed by person:ann"]
[1.000000,"x","0"]
`
	const v2 = `{"version":2,"width":80,"height":24,"timestamp":1763800000,"title":"agent:a on deploy@web-1","env":{"TERM":"xterm"},"x-gatehouse-session":"ses_01KB0000000000000000000000"}
[0.100000,"m","denied: not_allowed"]
[0.500000,"o","a\r\nb\r\n"]
[1.500000,"o","e\r\n"]
[1.500000,"o","€` + "\ufffd" + `\u001b[1m"]
[2.000000,"i","secret\n"]
[12.000000,"r","100x30"]
[13.000000,"m","killed by person:ann"]
`
	for _, c := range []struct {
		v    Version
		opts Options
		want string
	}{{V3, Options{Idle: 2 * time.Second}, v3}, {V2, Options{Input: true}, v2}} {
		var out strings.Builder
		if err := Export(&out, c.v, testHeader, events(sample...), c.opts); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("version %d:\n%s\nwant\n%s", c.v, out.String(), c.want)
		}
	}
	if err := Export(&strings.Builder{}, 1, testHeader, events(), Options{}); err == nil {
		t.Error("version 1 was written")
	}
}

// A cast is played on terminals: nothing in it makes one answer, store, or misread. The recording keeps the bytes.
func TestExportIsSafe(t *testing.T) {
	hostile := "a\x1b]52;c;aGk=\x07b\x1b]0;title\x1b\\c\x1bP+q544e\x1b\\d\x1b[6n\x1b[c\x1b[21te\xc2\x9b31mf\xe2\x80\xaeg\x1b]8;;http://x\x07h\x1b[31mi\x1b(0j"
	var out strings.Builder
	if err := Export(&out, V3, testHeader, events(ev(0, recorder.Output, hostile[:7]), ev(0, recorder.Output, hostile[7:])), Options{}); err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(out.String(), "\n")
	var shown strings.Builder
	for line := range strings.Lines(lines) {
		var e [3]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		shown.WriteString(e[2].(string))
	}
	if want := "abcde<U+009B>31mf<U+202E>gh\x1b[31mi\x1b(0j"; shown.String() != want {
		t.Errorf("%q, want %q", shown.String(), want)
	}
}
