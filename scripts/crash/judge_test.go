package main

import (
	"strings"
	"testing"
	"time"
)

var killed = time.Date(2025, 11, 23, 12, 0, 0, 0, time.UTC)

// witnessed is a session whose client received a line every 100 ms before the kill, the last one at it.
func witnessed(command string, lines ...string) *witness {
	w := &witness{command: command, steady: true, status: -1}
	for i, text := range lines {
		w.lines = append(w.lines, line{killed.Add(time.Duration(i-len(lines)) * 100 * time.Millisecond), text})
	}
	return w
}

// A session is lost if its client saw it begin and the index does not have it once and ended.
func TestJudgeIndex(t *testing.T) {
	never, saw, refused := &witness{command: "c", status: 255}, witnessed("c", "c 1"), &witness{command: "c", status: 126}
	for name, c := range map[string]struct {
		seen *witness
		rows []row
		want string
	}{
		"saw nothing":    {never, nil, ""},
		"in the index":   {saw, []row{{State: "interrupted"}}, ""},
		"lost":           {saw, nil, "is lost"},
		"a denial lost":  {refused, nil, "is lost"},
		"twice":          {saw, []row{{State: "ended"}, {State: "ended"}}, "2 times"},
		"still live":     {saw, []row{{State: "live"}}, "still live"},
		"nobody's, live": {never, []row{{State: "live"}}, "still live"},
	} {
		var r report
		judgeIndex(&r, []*witness{c.seen}, map[string][]row{"c": c.rows})
		if got := strings.Join(r.violations, "\n"); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The last second of a recording may be missing, and nothing before it.
func TestJudgeRecording(t *testing.T) {
	var lines []string
	for i := range 20 {
		lines = append(lines, "c "+string(rune('a'+i)))
	}
	for _, c := range []struct {
		recorded int // lines
		lost     time.Duration
		violated bool
	}{
		{20, 0, false},
		{15, 500 * time.Millisecond, false},
		{10, time.Second, false},
		{9, 1100 * time.Millisecond, true},
		{0, 2 * time.Second, true},
	} {
		var r report
		judgeRecording(&r, witnessed("c", lines...), strings.Join(lines[:c.recorded], "\r\n")+"\r\n", killed)
		if r.lost != c.lost || (len(r.violations) > 0) != c.violated {
			t.Errorf("%d of 20 lines: %s missing, %q", c.recorded, r.lost, r.violations)
		}
	}
}

// A line in the middle that a recording lacks is as bad as one at its end.
func TestJudgeRecordingWithAHole(t *testing.T) {
	var r report
	judgeRecording(&r, witnessed("c", "c 1", "c 2", "c 3", "4", "5", "6", "7", "8", "9", "10", "11", "12"), "c 1\nc 3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", killed)
	if len(r.violations) != 1 || !strings.Contains(r.violations[0], `"c 2"`) {
		t.Errorf("violations %q", r.violations)
	}
}
