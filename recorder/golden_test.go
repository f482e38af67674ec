package recorder

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenEvents are the events of testdata/golden.ghr.
var goldenEvents = []Event{
	{0, Command, []byte(`{"line":"ls"}`)},
	{1500 * time.Microsecond, Output, []byte("a\xff\x00\x1b[1m\n")},
	{1500 * time.Microsecond, Stderr, nil},
	{200 * time.Second, Input, bytes.Repeat([]byte("yes\n"), 100)},
	{8 * time.Hour, Exit, []byte(`{"status":0}`)},
}

// judge runs the independent reader of docs/spec.
func judge(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"../scripts/judge/evidence.py"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("judge: %v: %s", err, out)
	}
	return out
}

// checkJudge compares what the judge reads in a file with what Read yields.
func checkJudge(t *testing.T, path string) {
	t.Helper()
	var seen struct {
		Header Header
		Events [][3]any
		End    *End
	}
	if err := json.Unmarshal(judge(t, "recording", path), &seen); err != nil {
		t.Fatal(err)
	}
	rd, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	n := 0
	for e, err := range rd.Events() {
		if err != nil {
			t.Fatal(err)
		}
		want := [3]any{float64(e.At.Microseconds()), string(rune(e.Code)), hex.EncodeToString(e.Data)}
		if n >= len(seen.Events) || seen.Events[n] != want {
			t.Fatalf("event %d is %v here; the judge has %d events", n, want, len(seen.Events))
		}
		n++
	}
	if n != len(seen.Events) || seen.Header != rd.Header() || (seen.End == nil) != (rd.End() == nil) {
		t.Errorf("the judge sees %d events, %+v, %+v; Read sees %d, %+v, %+v", len(seen.Events), seen.Header, seen.End, n, rd.Header(), rd.End())
	}
}

// The golden file means today what it meant when it was written.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "golden.ghr")
	if *update {
		writeGolden(t, path)
	}
	checkJudge(t, path)
	rd, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	var got []Event
	for e, err := range rd.Events() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != len(goldenEvents) || rd.Header().Login != "deploy" || rd.End() == nil || rd.End().State != "ended" {
		t.Fatalf("%d events, %+v, %+v", len(got), rd.Header(), rd.End())
	}
	for i, e := range got {
		if w := goldenEvents[i]; e.At != w.At || e.Code != w.Code || !bytes.Equal(e.Data, w.Data) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

func writeGolden(t *testing.T, path string) {
	t.Helper()
	r, _ := newTestRecorder(t, t.TempDir())
	head, err1 := metaFrame(magicHeader, Version, Header{
		Version: 1, Session: testSession, Connection: "con_01KB0000000000000000000000", Identity: "agent:a", Target: "web-1",
		Login: "deploy", Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), PTY: true, Term: "xterm", Cols: 80, Rows: 24,
	})
	end, err2 := metaFrame(magicEnd, Version, End{State: "ended", Duration: (8 * time.Hour).Microseconds(), BytesIn: 400, BytesOut: 8})
	var first, second []byte
	for i, e := range goldenEvents {
		if i < 3 {
			first = appendEvent(first, e.At, e.Code, e.Data)
		} else {
			second = appendEvent(second, e.At, e.Code, e.Data)
		}
	}
	file := append(head, dataFrame(r.enc, nil, first)...)
	file = append(append(file, dataFrame(r.enc, nil, second)...), end...)
	if err := errors.Join(err1, err2, os.WriteFile(path, file, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// What the recorder writes, the judge reads alike.
func TestJudgeReadsOurs(t *testing.T) {
	dir := t.TempDir()
	r, _ := newTestRecorder(t, dir)
	rec := openTest(t, r, testSession)
	for i := range 300 {
		mustWrite(t, rec, []Code{Output, Stderr, Input}[i%3], string(bytes.Repeat([]byte{byte(i), 0xff, '\n'}, i*7)))
	}
	mustClose(t, rec)
	path, err := Path(dir, testSession)
	if err != nil {
		t.Fatal(err)
	}
	checkJudge(t, path)
}
