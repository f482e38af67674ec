package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is recorded comes back byte for byte, and chunks cover the file from its first byte to its last.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	r, l := newTestRecorder(t, dir)
	rec := openTest(t, r, testSession)
	rnd := rand.New(rand.NewPCG(1, 2))
	var want bytes.Buffer
	for i := range 400 {
		b := make([]byte, rnd.IntN(20_000))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		if i == 200 {
			b = make([]byte, 3*pieceSize+7)
		}
		want.Write(b)
		mustWrite(t, rec, Output, string(b))
	}
	sum := mustClose(t, rec)
	got, err := readAll(t, r, testSession)
	if err != nil || got != want.String() {
		t.Fatalf("read %d bytes, %v; wrote %d", len(got), err, want.Len())
	}
	if sum.BytesOut != int64(want.Len()) || sum.BytesIn != 0 {
		t.Errorf("summary counts %d out, %d in", sum.BytesOut, sum.BytesIn)
	}
	checkChunks(t, dir, l.all(), sum)
	if err := r.Settle(testSession); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(markerPath(dir, testSession)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the marker of a settled recording is still there: %v", err)
	}
}

// checkChunks compares committed chunks with the file.
func checkChunks(t *testing.T, dir string, chunks []Chunk, sum Summary) {
	t.Helper()
	path, err := Path(dir, testSession)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := hexSum(file); got != sum.SHA256 || int64(len(file)) != sum.Size {
		t.Errorf("summary says %s, %d bytes; the file is %s, %d", sum.SHA256, sum.Size, got, len(file))
	}
	var pos int64
	for i, c := range chunks {
		if c.N != i || c.Offset != pos || c.Raw > MaxChunk || c.First > c.Last {
			t.Errorf("chunk %d is %+v, expected at %d", i, c, pos)
		}
		pos += c.Length
		if pos > int64(len(file)) || hexSum(file[c.Offset:pos]) != c.SHA256 {
			t.Fatalf("chunk %d does not hash to what was committed", i)
		}
	}
	if pos != int64(len(file)) || len(chunks) != sum.Chunks {
		t.Errorf("%d chunks cover %d of %d bytes; summary says %d chunks", len(chunks), pos, len(file), sum.Chunks)
	}
}

func hexSum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// What was written is durable half a second later, though the session goes quiet; its chunk is committed after a minute.
func TestFlushAndChunkByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, l := newTestRecorder(t, t.TempDir())
		rec := openTest(t, r, testSession)
		mustWrite(t, rec, Output, "hello")
		time.Sleep(flushAfter)
		synctest.Wait()
		if got, err := readAll(t, r, testSession); got != "hello" || err != nil {
			t.Errorf("after %v the disk holds %q, %v", flushAfter, got, err)
		}
		if n := len(l.all()); n != 0 {
			t.Errorf("%d chunks committed at once", n)
		}
		time.Sleep(chunkAge)
		synctest.Wait()
		if c := l.all(); len(c) != 1 || c[0].Raw == 0 {
			t.Errorf("after %v committed %+v", chunkAge, c)
		}
		mustClose(t, rec)
	})
}

// A session that never pauses is synced all the same.
func TestFlushWithoutPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newTestRecorder(t, t.TempDir())
		rec := openTest(t, r, testSession)
		for range 200 {
			mustWrite(t, rec, Output, "0123456789")
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if got, _ := readAll(t, r, testSession); len(got) < 2000-510 {
			t.Errorf("after two seconds only %d bytes are on the disk", len(got))
		}
		mustClose(t, rec)
	})
}

// Event times come from the monotonic clock; a step of the wall clock is noted, not followed.
func TestClockStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var step time.Duration
		now := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(step) }
		r, err := New(Config{Dir: t.TempDir(), Commit: (&ledger{}).commit, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		rec := openTest(t, r, testSession)
		mustWrite(t, rec, Output, "a")
		time.Sleep(time.Second)
		mu.Lock()
		step = -time.Hour
		mu.Unlock()
		mustWrite(t, rec, Output, "b")
		time.Sleep(2 * time.Second)
		mustClose(t, rec)
		got, err := readAll(t, r, testSession)
		if err != nil || !strings.Contains(got, "stepped by -1h0m0s") || strings.Count(got, "stepped") != 1 {
			t.Errorf("recorded %q, %v", got, err)
		}
	})
}

// An error of Commit fails the recording and every later write: no evidence, no action.
func TestCommitErrorFails(t *testing.T) {
	r, l := newTestRecorder(t, t.TempDir())
	broken := errors.New("audit log is gone")
	l.err = broken
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, strings.Repeat("x", MaxChunk+frameSize))
	rec.flushNow()
	<-rec.Failed()
	if err := rec.Write(Output, []byte("more")); !errors.Is(err, broken) {
		t.Fatalf("write after a refused commit: %v", err)
	}
	if _, err := rec.Close(t.Context(), End{}); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
	if _, err := os.Stat(markerPath(r.cfg.Dir, testSession)); err != nil {
		t.Errorf("the marker of a failed recording must stay for Recover: %v", err)
	}
}

// An error of the disk fails the recording.
func TestDiskErrorFails(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	rec.file.Close()
	mustWrite(t, rec, Output, "lost")
	if _, err := rec.Close(t.Context(), End{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("close: %v", err)
	}
	if err := rec.Write(Output, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	for _, id := range []string{"", "ses_", "ses_../../../../etc/passwd00", "ses_01kb0000000000000000000000", "con_01KB0000000000000000000000"} {
		if _, err := r.Open(t.Context(), Header{Session: id}); !errors.Is(err, ErrSession) {
			t.Errorf("open %q: %v", id, err)
		}
	}
	rec := openTest(t, r, testSession)
	if _, err := r.Open(t.Context(), Header{Session: testSession}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second open: %v", err)
	}
	mustClose(t, rec)
	if err := rec.Write(Output, []byte("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := r.Open(t.Context(), Header{Session: testSession}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("open over a closed recording: %v", err)
	}
	r.cfg.MinFree = 1 << 62
	if _, err := r.Open(t.Context(), Header{Session: "ses_01KB0000000000000000000001"}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("open with a full disk: %v", err)
	}
}

// An event that does not fit the format fails the recording instead of being cut.
func TestTooLargeEvent(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	if err := rec.Write(Command, make([]byte, MaxEvent)); err != nil {
		t.Errorf("an event of MaxEvent bytes: %v", err)
	}
	if err := rec.Write(Command, make([]byte, MaxEvent+1)); err == nil {
		t.Error("an event beyond MaxEvent was taken")
	}
	if _, err := rec.Close(t.Context(), End{}); err == nil {
		t.Error("close after that: no error")
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rec")
	r, _ := newTestRecorder(t, dir)
	mustClose(t, openTest(t, r, testSession))
	path, _ := Path(dir, testSession)
	for p, want := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(path): 0o700, path: 0o600} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", p, st.Mode(), err)
		}
	}
}

// More chunks than may wait for Commit become durable at once: the disk waits for Commit, and nothing waits for ever.
func TestManyChunksAtOnce(t *testing.T) {
	r, l := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, strings.Repeat("0", (maxCommits+10)*MaxChunk))
	sum := mustClose(t, rec)
	checkChunks(t, r.cfg.Dir, l.all(), sum)
}
