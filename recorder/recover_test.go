package recorder

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// crashed records something, then returns the bytes of the file and of the marker as a process that dies would leave them.
func crashed(t *testing.T) (file, marker []byte, chunks []Chunk) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r, l := newTestRecorder(t, dir)
		rec := openTest(t, r, testSession)
		mustWrite(t, rec, Output, "first chunk ")
		time.Sleep(2 * chunkAge)
		mustWrite(t, rec, Output, "second chunk")
		time.Sleep(time.Second)
		synctest.Wait()
		path, _ := Path(dir, testSession)
		file, _ = os.ReadFile(path)
		marker, _ = os.ReadFile(markerPath(dir, testSession))
		chunks = l.all()
		mustClose(t, rec)
	})
	return file, marker, chunks
}

// plant puts a crashed recording into a new folder.
func plant(t *testing.T, file, marker []byte) (*Recorder, *ledger, string) {
	t.Helper()
	dir := t.TempDir()
	r, l := newTestRecorder(t, dir)
	path, _ := Path(dir, testSession)
	if err := errors.Join(makeDirDurable(dir+"/2025-11"), os.WriteFile(path, file, 0o600), os.WriteFile(markerPath(dir, testSession), marker, 0o600)); err != nil {
		t.Fatal(err)
	}
	return r, l, dir
}

// Wherever the file was cut after its committed part, Recover commits the rest as it is and what decodes can be read.
func TestRecoverTorn(t *testing.T) {
	file, marker, before := crashed(t)
	if len(before) != 1 {
		t.Fatalf("%d chunks were committed before the crash", len(before))
	}
	committed := int(before[0].Length)
	for cut := committed; cut <= len(file); cut++ {
		r, l, dir := plant(t, file[:cut], marker)
		got, err := r.Recover(t.Context())
		if err != nil || len(got) != 1 {
			t.Fatalf("cut at %d: recovered %+v, %v", cut, got, err)
		}
		clean := cut == committed || cut == len(file)
		if got[0].Torn == clean || got[0].Session != testSession || got[0].End != nil {
			t.Errorf("cut at %d: %+v", cut, got[0])
		}
		checkChunks(t, dir, append(before[:1:1], l.all()...), got[0].Summary)
		text, err := readAll(t, r, testSession)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: read ends with %v", cut, err)
		}
		if want := "first chunk "; text != want && text != want+"second chunk" {
			t.Errorf("cut at %d: read %q", cut, text)
		}
		if after, _ := os.ReadFile(mustPath(dir)); len(after) != cut {
			t.Errorf("cut at %d: the file has %d bytes after Recover", cut, len(after))
		}
		committed := len(l.all())
		again, err := r.Recover(t.Context())
		if err != nil || len(again) != 1 || again[0].Summary != got[0].Summary || len(l.all()) != committed {
			t.Errorf("cut at %d: a second Recover before Settle found %+v, %v, want %+v", cut, again, err, got)
		}
		if err := r.Settle(testSession); err != nil {
			t.Error(err)
		}
		if again, err := r.Recover(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("cut at %d: Recover after Settle found %+v, %v", cut, again, err)
		}
	}
}

func mustPath(dir string) string { p, _ := Path(dir, testSession); return p }

// A marker that lost its last lines makes Recover commit more, never less.
func TestRecoverTornMarker(t *testing.T) {
	file, marker, _ := crashed(t)
	for cut := range len(marker) {
		r, l, dir := plant(t, file, marker[:cut])
		got, err := r.Recover(t.Context())
		if err != nil || len(got) != 1 {
			t.Fatalf("marker of %d bytes: %+v, %v", cut, got, err)
		}
		if cut < len(marker)-1 {
			checkChunks(t, dir, l.all(), got[0].Summary)
		}
	}
}

// If Commit refuses, the recording waits for the next start. A marker without a file is forgotten. A file that is shorter
// than what was committed is reported.
func TestRecoverRefusals(t *testing.T) {
	file, marker, before := crashed(t)
	r, l, dir := plant(t, file, marker)
	l.err = errors.New("no audit log")
	if got, err := r.Recover(t.Context()); !errors.Is(err, l.err) || len(got) != 0 {
		t.Errorf("recovered %+v, %v", got, err)
	}
	l.err = nil
	if got, err := r.Recover(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("second start: %+v, %v", got, err)
	}
	if err := r.Settle(testSession); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(markerPath(dir, "ses_01KB0000000000000000000009"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Recover(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("marker without file: %+v, %v", got, err)
	}
	r, _, _ = plant(t, file[:before[0].Length-1], marker)
	if _, err := r.Recover(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a committed chunk was cut: %v", err)
	}
}

// A recording that runs into a full disk fails, keeps what was written, and its tail is committed when it closes.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	r, l := newTestRecorder(t, dir)
	rec := openTest(t, r, testSession)
	rnd := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 64<<10)
	var err error
	for err == nil {
		rnd.Read(noise)
		err = rec.Write(Output, noise)
	}
	if _, cerr := rec.Close(t.Context(), End{}); cerr == nil {
		t.Error("close on a full disk: no error")
	}
	text, rerr := readAll(t, r, testSession)
	if len(text) == 0 || !errors.Is(rerr, io.ErrUnexpectedEOF) {
		t.Errorf("read %d bytes, %v", len(text), rerr)
	}
	if got, err := r.Recover(context.Background()); err != nil || len(got) != 1 || got[0].End != nil {
		t.Errorf("the failed recording waits for its end in the log: %+v, %v", got, err)
	}
	file, _ := os.ReadFile(mustPath(dir))
	last := l.all()[len(l.all())-1]
	if last.Offset+last.Length != int64(len(file)) || hexSum(file[last.Offset:]) != last.SHA256 {
		t.Errorf("the tail of the file is not committed: %+v of %d", last, len(file))
	}
}
