package audit

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// A crash can make the next start write the end of a recording once more. That is no fault, unless it says something else
// than the file does.
func TestRecordingClosedTwice(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(sum map[string]any)
		bad    bool
	}{
		{"the same", func(map[string]any) {}, false},
		{"another hash", func(sum map[string]any) { sum["sha256"] = strings.Repeat("0", 64) }, true},
		{"another size", func(sum map[string]any) { sum["size"] = 1 }, true},
		{"a recording that is not there", func(sum map[string]any) { sum["session"] = "ses_01KB0000000000000000000009" }, true},
	} {
		logDir, recDir := recorded(t, true)
		closeAgain(t, logDir, c.change)
		rep := verifyRecordings(t, logDir, recDir)
		if (rep.Bad != nil) != c.bad || rep.Closed != 1 || rep.Unfinished != 0 {
			t.Errorf("%s: %+v, %v", c.name, rep, rep.Bad)
		}
	}
}

// closeAgain repeats the entry that closed the recording, with a change.
func closeAgain(t *testing.T, logDir string, change func(sum map[string]any)) {
	t.Helper()
	var sum map[string]any
	var last Entry
	for _, e := range readEntries(t, logDir) {
		if e.Type == RecClose {
			last = e
		}
	}
	if err := json.Unmarshal(last.Data, &sum); err != nil {
		t.Fatal(err)
	}
	change(sum)
	data, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	l := openTest(t, logDir)
	defer l.Close()
	if _, err := l.Append(context.Background(), Entry{Type: RecClose, Session: sum["session"].(string), Data: data}); err != nil {
		t.Fatal(err)
	}
}
