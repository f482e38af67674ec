package audit

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// judge runs the independent reader of docs/spec on a log.
func judge(dir string) (Checkpoint, error) {
	out, err := exec.Command("python3", "../../scripts/judge/evidence.py", "log", dir).Output()
	if err != nil {
		return Checkpoint{}, err
	}
	var cp Checkpoint
	return cp, json.Unmarshal(out, &cp)
}

// The golden log means today what it meant when it was written, and the judge computes the same root.
func TestGolden(t *testing.T) {
	dir := filepath.Join("testdata", "golden")
	if *update {
		l := openTest(t, dir)
		mustAppend(t, l, Entry{Type: Decision, Actor: "agent:a", Reason: "<é>", Data: json.RawMessage(`{"a": 1}`)}, Entry{Type: CertIssue, Serial: "7"})
		l.Close()
		os.Remove(filepath.Join(dir, KeyFile)) // evidence needs no secret
	}
	rep := verifyDir(t, dir, nil)
	cp, err := judge(dir)
	if err != nil || rep.Bad != nil || cp.Size != rep.Signed || cp.Size != 3 {
		t.Fatalf("verify %+v (%v), judge %+v, %v", rep, rep.Bad, cp, err)
	}
	e := readEntries(t, dir)
	if e[0].Type != LogStart || e[1].Reason != "<é>" || string(e[1].Data) != `{"a":1}` || e[2].Serial != "7" {
		t.Errorf("entries %+v", e)
	}
}

// The judge agrees with Verify about logs of many sizes, and about spoilt ones.
func TestJudge(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	for n := range 3 {
		fill(t, l, n+1)
		if cp, err := judge(dir); err != nil || cp.Size != l.tree.size || cp.Root != l.tree.root() {
			t.Errorf("judge says %+v, %v; the root at %d is %v", cp, err, l.tree.size, l.tree.root())
		}
	}
	l.Close()
	bad := copyDir(t, dir)
	if err := edit(bad, entriesFile, "ses_2", "ses_4"); err != nil {
		t.Fatal(err)
	}
	if cp, err := judge(bad); err == nil {
		t.Errorf("judge accepts a changed entry: %+v", cp)
	}
	bad = copyDir(t, dir)
	if err := edit(bad, checkpointFile, "\n7\n", "\n6\n"); err != nil {
		t.Fatal(err)
	}
	if cp, err := judge(bad); err == nil {
		t.Errorf("judge accepts a changed checkpoint: %+v", cp)
	}
}

func FuzzEntry(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "golden", entriesFile))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Add([]byte(`{"v":1,"seq":-1,"data":{"x":[1e999]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := Parse(line)
		if err != nil {
			return
		}
		body, err := e.body()
		if err != nil {
			return
		}
		stored := appendLine(nil, 7, e.Time, `"n"`, body)
		if bytes.IndexByte(stored, '\n') != len(stored)-1 {
			t.Fatalf("a stored entry has a line feed: %q", stored)
		}
		again, err := Parse(stored[:len(stored)-1])
		if err != nil || again.Seq != 7 || again.Type != e.Type || again.Reason != e.Reason || !isEntry(stored[:len(stored)-1], 7) {
			t.Fatalf("%q is stored as %q, read as %+v, %v", line, stored, again, err)
		}
	})
}
