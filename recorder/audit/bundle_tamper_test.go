package audit

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// Whatever is done to a bundle, VerifyBundle finds it and says what.
func TestTamperedBundle(t *testing.T) {
	logDir, recDir := provable(t)
	good := proveTest(t, logDir, recDir, nil)
	key := verifierKey(t, logDir)
	edit := func(name string, f func([]byte) []byte) func([]file) []file {
		return func(files []file) []file {
			for i := range files {
				if files[i].name == name {
					files[i].body = f(bytes.Clone(files[i].body))
				}
			}
			return files
		}
	}
	lines := func(name string, f func([][]byte) [][]byte) func([]file) []file {
		return edit(name, func(b []byte) []byte { return bytes.Join(f(bytes.SplitAfter(b, []byte("\n"))), nil) })
	}
	without := func(mark string) func([]file) []file {
		return func(files []file) []file {
			var drop int
			files = lines(bundleEntries, func(l [][]byte) [][]byte {
				for i := range l {
					if bytes.Contains(l[i], []byte(mark)) {
						drop = i
						return append(l[:i:i], l[i+1:]...)
					}
				}
				t.Fatalf("no entry has %q", mark)
				return nil
			})(files)
			return lines(bundleProofs, func(l [][]byte) [][]byte { return append(l[:drop:drop], l[drop+1:]...) })(files)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func([]file) []file
		says  string
	}{
		{"a byte of an entry", edit(bundleEntries, func(b []byte) []byte { return bytes.Replace(b, []byte("deploy"), []byte("daemon"), 1) }), "does not lead to the checkpoint"},
		{"another decision", edit(bundleEntries, func(b []byte) []byte { return bytes.Replace(b, []byte(`"allow"`), []byte(`"denyd"`), 1) }), "does not lead"},
		{"two entries swapped", lines(bundleEntries, func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }), "not in order"},
		{"proofs swapped", lines(bundleProofs, func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }), "another entry's"},
		{"a proof cut off", lines(bundleProofs, func(l [][]byte) [][]byte { return l[:len(l)-2] }), "no proof for it"},
		{"proof of another size", edit(bundleProofs, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"proof":["`), []byte(`"proof":["aGVsbG8=","`), 1)
		}), "hash"},
		{"the decision left out", without(`"type":"decision"`), "no entry in it decides"},
		{"the end left out", without(`"type":"session.end"`), "the end of session"},
		{"the closing left out", without(`"type":"rec.close"`), "closes the recording"},
		{"the first chunk left out", without(`"n":0,`), "one is missing"},
		{"the last chunk left out", without(`"n":4,`), "but the chunks cover"},
		{"a byte of the recording", edit(bundleRecording, func(b []byte) []byte { b[len(b)/9] ^= 1; return b }), "chunk 0 of the recording"},
		{"the last byte of the recording", edit(bundleRecording, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "is not what was committed"},
		{"the recording cut off", edit(bundleRecording, func(b []byte) []byte { return b[:len(b)-9] }), "were committed"},
		{"the recording left out", func(f []file) []file { return f[:len(f)-1] }, "the recording is missing"},
		{"another session's name", edit(bundleManifest, func(b []byte) []byte { return bytes.Replace(b, []byte(recSession), []byte("ses_other"), 1) }), "no entry in it decides"},
		{"another root", edit(bundleCheckpoint, func(b []byte) []byte { b[len(testOrigin)+8] ^= 1; return b }), "not signed by this key"},
		{"an entry beyond the checkpoint", edit(bundleEntries, func(b []byte) []byte { return bytes.Replace(b, []byte(`"seq":0,`), []byte(`"seq":99,`), 1) }), "not in order, or beyond"},
	} {
		rep, err := VerifyBundle(t.Context(), bytes.NewReader(pack(t, c.spoil(unpack(t, good)))), BundleOptions{VerifierKey: key})
		if err != nil || rep.Bad == nil || !strings.Contains(rep.Bad.String(), c.says) {
			t.Errorf("%s: found %v, %v; want %q", c.name, rep.Bad, err, c.says)
		}
	}
	for n := 0; n < len(good); n += 1 + len(good)/997 {
		if rep, err := VerifyBundle(t.Context(), bytes.NewReader(good[:n]), BundleOptions{VerifierKey: key}); err == nil && rep.Bad == nil && n < len(good)-2048 {
			t.Fatalf("the first %d of %d bytes are a good bundle", n, len(good))
		}
	}
}

// A bundle by the owner of the key is caught by a checkpoint from before, and one that does not reach back says so.
func TestBundleAgainstCheckpoint(t *testing.T) {
	logDir, recDir := provable(t)
	key := verifierKey(t, logDir)
	l := openTest(t, logDir)
	now := l.Checkpoint()
	early := earlyCheckpoint(t, logDir)
	l.Close()
	verify := func(bundle, held []byte) (BundleReport, error) {
		return VerifyBundle(t.Context(), bytes.NewReader(bundle), BundleOptions{VerifierKey: key, Checkpoint: held})
	}
	for _, held := range [][]byte{now, early} {
		if rep, err := verify(proveTest(t, logDir, recDir, held), held); err != nil || rep.Bad != nil || rep.Extends < 1 {
			t.Errorf("%+v, %v, %v", rep, rep.Bad, err)
		}
	}
	if _, err := verify(proveTest(t, logDir, recDir, nil), early); !errors.Is(err, ErrUnproven) {
		t.Errorf("a bundle that says nothing about the checkpoint at hand: %v", err)
	}
	forged := copyDir(t, logDir)
	forge(t, forged)
	for _, held := range [][]byte{now, early} {
		_, err := Prove(t.Context(), new(bytes.Buffer), ProveOptions{LogDir: forged, RecordingsDir: recDir, VerifierKey: key, Session: recSession, Checkpoint: held})
		if !errors.Is(err, ErrFork) && !errors.Is(err, ErrRollback) {
			t.Errorf("a forged log is proven to go on from a checkpoint from before: %v", err)
		}
		// The forger adds the proof of the true log to the bundle of the forged one.
		bundle := pack(t, insert(unpack(t, proveTest(t, forged, recDir, nil)), pick(unpack(t, proveTest(t, logDir, recDir, held)), bundleConsistency)))
		if rep, err := verify(bundle, held); err == nil && rep.Bad == nil {
			t.Error("a bundle of a forged log passes against a checkpoint from before")
		}
	}
}

// pick returns a file of a bundle, or none.
func pick(files []file, name string) []file {
	for _, f := range files {
		if f.name == name {
			return []file{f}
		}
	}
	return nil
}

// insert puts a file before the entries.
func insert(files, more []file) (out []file) {
	for _, f := range files {
		if f.name == bundleEntries {
			out = append(out, more...)
		}
		out = append(out, f)
	}
	return out
}

// earlyCheckpoint is the first of the history that covers some entries.
func earlyCheckpoint(t testing.TB, dir string) []byte {
	t.Helper()
	old, err := openHistory(dir + "/" + historyFile)
	if err != nil {
		t.Fatal(err)
	}
	defer old.close()
	for {
		o, ok := old.at(1 << 40)
		if !ok {
			t.Fatal("the history is too short")
		}
		if o.cp.Size > 2 {
			return o.msg
		}
	}
}

// forge makes the log anew with its own key: one decision says something else.
func forge(t testing.TB, dir string) {
	t.Helper()
	text, err := os.ReadFile(dir + "/" + entriesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{entriesFile, hashesFile, checkpointFile, historyFile} {
		if err := os.Remove(dir + "/" + f); err != nil {
			t.Fatal(err)
		}
	}
	l := openTest(t, dir)
	for line := range bytes.Lines(text) {
		e, err := Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == LogStart {
			continue
		}
		e.Reason = strings.Replace(e.Reason, "because", "no reason", 1)
		mustAppend(t, l, e)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
