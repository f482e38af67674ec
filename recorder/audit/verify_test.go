package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"gatehouse/recorder"
)

// Whatever is done to a log that is covered by a checkpoint, Verify finds the first bad entry.
func TestTamperedLog(t *testing.T) {
	good := t.TempDir()
	l := openTest(t, good)
	fill(t, l, 30)
	early := l.Checkpoint()
	old := copyDir(t, good)
	fill(t, l, 30) // 61 entries
	late := l.Checkpoint()
	l.Close()
	if rep := verifyDir(t, good, early); rep.Bad != nil || rep.Signed != 61 || rep.Checkpoints < 30 {
		t.Fatalf("the good log: %+v, %v", rep, rep.Bad)
	}
	lines := func(f func([][]byte) [][]byte) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, entriesFile)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, bytes.Join(f(bytes.SplitAfter(b, []byte("\n"))), nil), 0o600)
		}
	}
	renumber := func(b []byte, from, to string) []byte {
		return bytes.Replace(b, []byte(`"seq":`+from), []byte(`"seq":`+to), 1)
	}
	for _, c := range []struct {
		name  string
		base  string
		spoil func(dir string) error
		cp    []byte
		first int64
		says  string
	}{
		{"flipped byte", good, lines(func(l [][]byte) [][]byte { l[17][len(l[17])-5] ^= 1; return l }), nil, 17, "not what was signed"},
		{"swapped pair", good, lines(func(l [][]byte) [][]byte { l[20], l[21] = l[21], l[20]; return l }), nil, 20, ""},
		{"swapped and renumbered", good, lines(func(l [][]byte) [][]byte {
			l[20], l[21] = renumber(l[21], "21", "20"), renumber(l[20], "20", "21")
			return l
		}), nil, 20, "not what was signed"},
		{"removed entry", good, lines(func(l [][]byte) [][]byte { return append(l[:40], l[41:]...) }), nil, 40, ""},
		{"inserted entry", good, lines(func(l [][]byte) [][]byte {
			return append(l[:10:10], append([][]byte{l[10]}, l[10:]...)...)
		}), nil, 11, ""},
		{"broken number and an earlier flip", good, lines(func(l [][]byte) [][]byte {
			l[33][60] ^= 1
			l[50] = renumber(l[50], "50", "49")
			return l
		}), nil, 33, "not what was signed"},
		{"missing tail", good, func(d string) error { return cutLines(d, 7) }, nil, 54, "missing"},
		{"missing tail and an earlier flip", good, func(d string) error {
			return lines(func(l [][]byte) [][]byte { l[2][90] ^= 4; return l[:50] })(d)
		}, nil, 2, "not what was signed"},
		{"torn in what was signed", good, func(d string) error {
			st, err := os.Stat(filepath.Join(d, entriesFile))
			if err != nil {
				return err
			}
			return os.Truncate(filepath.Join(d, entriesFile), st.Size()-3)
		}, nil, 60, "missing"},
		{"rolled back", old, func(string) error { return nil }, late, 31, "missing"},
		{"changed checkpoint", good, func(d string) error { return edit(d, checkpointFile, "\n61\n", "\n60\n") }, nil, 0, "not signed by this key"},
		{"everything made anew by the owner of the key", good, func(d string) error {
			for _, f := range []string{entriesFile, hashesFile, checkpointFile, historyFile} {
				if err := os.Remove(filepath.Join(d, f)); err != nil {
					return err
				}
			}
			l := openTest(t, d)
			mustAppend(t, l, Entry{Type: Kill})
			fill(t, l, 70)
			return l.Close()
		}, early, 0, "changed since it was signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := copyDir(t, c.base)
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			rep := verifyDir(t, dir, c.cp)
			if rep.Bad == nil || rep.Bad.Entry != c.first || !strings.Contains(rep.Bad.String(), c.says) {
				t.Errorf("found %+v, want entry %d %q", rep.Bad, c.first, c.says)
			}
			// Spoilt hashes may make the answer less precise, never wrong.
			if err := os.WriteFile(filepath.Join(dir, hashesFile), make([]byte, 9000), 0o600); err != nil {
				t.Fatal(err)
			}
			rep = verifyDir(t, dir, c.cp)
			if rep.Bad == nil || rep.Bad.Entry > c.first || rep.Bad.Last < c.first {
				t.Errorf("without hashes found %+v, want entry %d", rep.Bad, c.first)
			}
		})
	}
}

// Verify with another key refuses the log.
func TestWrongKey(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir).Close()
	_, vkey, err := note.GenerateKey(zeros{}, testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(t.Context(), VerifyOptions{LogDir: dir, VerifierKey: vkey})
	if err != nil || rep.Bad == nil {
		t.Errorf("%+v, %v", rep, err)
	}
}

const recSession = "ses_01KB0000000000000000000000"

// recorded makes a log and one recording in it; closed or left as a crash leaves it.
func recorded(t *testing.T, closed bool) (logDir, recDir string) {
	t.Helper()
	logDir, recDir = t.TempDir(), t.TempDir()
	l := openTest(t, logDir)
	put := func(typ Type, v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = l.Append(context.Background(), Entry{Type: typ, Session: recSession, Data: b})
		return err
	}
	r, err := recorder.New(recorder.Config{Dir: recDir, Commit: func(_ context.Context, c recorder.Chunk) error { return put(RecChunk, c) }})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Open(t.Context(), recorder.Header{Session: recSession})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := rec.Write(recorder.Output, bytes.Repeat([]byte("0123456789abcdef"), 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := rec.Close(t.Context(), recorder.End{State: "ended"})
	if err != nil {
		t.Fatal(err)
	}
	if closed {
		if err := put(RecClose, sum); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	return logDir, recDir
}

func verifyRecordings(t *testing.T, logDir, recDir string) Report {
	t.Helper()
	pub, err := os.ReadFile(filepath.Join(logDir, VerifierFile))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(t.Context(), VerifyOptions{LogDir: logDir, RecordingsDir: recDir, VerifierKey: strings.TrimSpace(string(pub))})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// A recording is compared with what was committed, byte by byte; the first bad chunk is named with its session and time.
func TestTamperedRecording(t *testing.T) {
	logDir, recDir := recorded(t, true)
	rep := verifyRecordings(t, logDir, recDir)
	if rep.Bad != nil || rep.Closed != 1 || rep.Unfinished != 0 || rep.Chunks < 5 {
		t.Fatalf("good recording: %+v, %v", rep, rep.Bad)
	}
	path, _ := recorder.Path(recDir, recSession)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := max(len(file)/40, 1)
	for at := 0; at < len(file); at += step {
		bad := bytes.Clone(file)
		bad[at] ^= 0x10
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		rep := verifyRecordings(t, logDir, recDir)
		if rep.Bad == nil || rep.Bad.Session != recSession || rep.Bad.Chunk < 0 || rep.Bad.Time.IsZero() {
			t.Errorf("byte %d: %+v", at, rep.Bad)
		}
	}
	for name, change := range map[string]func() error{
		"cut":      func() error { return os.WriteFile(path, file[:len(file)-1], 0o600) },
		"appended": func() error { return os.WriteFile(path, append(bytes.Clone(file), 0), 0o600) },
		"removed":  func() error { return os.Remove(path) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if rep := verifyRecordings(t, logDir, recDir); rep.Bad == nil || rep.Bad.Session != recSession {
			t.Errorf("%s: %+v", name, rep.Bad)
		}
	}
}

// A recording that is not closed is fine, and is said to be unfinished.
func TestUnfinishedRecording(t *testing.T) {
	logDir, recDir := recorded(t, false)
	if rep := verifyRecordings(t, logDir, recDir); rep.Bad != nil || rep.Unfinished != 1 || rep.Closed != 0 {
		t.Errorf("%+v, %v", rep, rep.Bad)
	}
}
