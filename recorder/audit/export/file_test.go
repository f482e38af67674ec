package export

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/config"
)

func (b *bench) fileSink(size config.Size, keep int) config.Sink {
	return config.Sink{Name: "local", Format: "entry", File: &config.FileSink{Path: b.path("out.ndjson"), MaxSize: size, Keep: keep}}
}

// TestFile: every entry is in the file and in those put aside, in order, through restarts; none twice where nothing crashed.
func TestFile(t *testing.T) {
	b := newBench(t)
	sink := b.fileSink(1<<20, 100)
	for range 3 {
		b.start(sink)
		b.add(4000)
		b.caughtUp()
		b.halt()
	}
	if twice := b.complete(lines(t, sink.File.Path, 100)); twice > 0 {
		t.Errorf("%d came twice", twice)
	}
	if _, err := os.Stat(sink.File.Path + ".2"); err != nil {
		t.Errorf("nothing was put aside: %v", err)
	}
	for _, e := range must1(filepath.Glob(sink.File.Path + "*")) {
		if info, err := os.Stat(e); err != nil || info.Size() > 1<<20 || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s: %v, %v", e, info, err)
		}
	}
}

// TestFileIsBounded: no more files than are to be kept.
func TestFileIsBounded(t *testing.T) {
	b := newBench(t)
	sink := b.fileSink(1<<20, 2)
	b.start(sink)
	b.add(20000)
	b.caughtUp()
	if files := must1(filepath.Glob(sink.File.Path + "*")); len(files) != 3 {
		t.Errorf("%v", files)
	}
}

// TestFileAfterCrash: a line that a crash left torn is cut off and written anew, and so is what came after the cursor.
func TestFileAfterCrash(t *testing.T) {
	b := newBench(t)
	sink := b.fileSink(64<<20, 2)
	b.start(sink)
	b.add(3000)
	b.caughtUp()
	b.halt()
	text, err := os.ReadFile(sink.File.Path)
	b.must(err)
	b.must(os.WriteFile(sink.File.Path, text[:len(text)-100], 0o600))
	cursor := filepath.Join(b.path("state"), "local.json")
	at, _, err := loadCursor(cursor)
	b.must(err)
	b.must(saveCursor(cursor, position{Next: at.Next - 500}))
	b.start(sink)
	b.add(10)
	b.caughtUp()
	if twice := b.complete(lines(t, sink.File.Path, 2)); twice != 499 {
		t.Errorf("%d came twice", twice)
	}
}

// TestFileMovedAway: when logrotate takes the file away, entries go on into a new one.
func TestFileMovedAway(t *testing.T) {
	b := newBench(t)
	sink := b.fileSink(64<<20, 2)
	b.start(sink)
	b.add(10)
	b.caughtUp()
	b.must(os.Rename(sink.File.Path, sink.File.Path+".1"))
	b.until("a new file", func() bool {
		b.add(1)
		_, err := os.Stat(sink.File.Path)
		return err == nil
	})
	b.caughtUp()
	b.complete(lines(t, sink.File.Path, 2))
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
