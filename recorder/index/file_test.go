package index

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

func sample(t testing.TB) *Index {
	t.Helper()
	x := built(recorder.Header{Session: "ses_x", Cols: 80, Rows: 24, PTY: true}, Options{Masked: true, Hits: []secret.Hit{{Event: 1, From: 0, To: 2, Rule: "known"}, {Event: 7, From: 0, To: -1, Rule: "too-many"}}},
		at(0, 'c', `{"line":"ls"}`), at(1e9, 'o', "hello\r\n"), at(9e9, 'o', string(bytes.Repeat([]byte("xyz\r\n"), 60_000))), at(20e9, 'o', "later"), at(205e8, 'o', "end"), at(21e9, 'x', `{"status":0}`))
	x.SHA256, x.Size, x.Rows = "ab12", 5000, true
	x.note("a note")
	return x
}

func TestFileKeepsEverything(t *testing.T) {
	x := sample(t)
	path := filepath.Join(t.TempDir(), "x.ghx")
	must(t, x.Write(path))
	got, err := Open(path)
	must(t, err)
	if !reflect.DeepEqual(got, x) {
		t.Errorf("read\n%+v\nwrote\n%+v", got, x)
	}
	if got.Segments() != 2 || got.Duration() != 21*time.Second || !got.Fits(5000, "ab12") || got.Fits(5001, "ab12") || got.Fits(5000, "ab13") || !got.Fits(5000, "") {
		t.Errorf("%+v", got.head)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v %v", left, err)
	}
	if rows, err := hasRows(path); !rows || err != nil {
		t.Errorf("rows %v, %v", rows, err)
	}
	must(t, os.WriteFile(path, []byte("gatehouse index 0\n....."), 0o600))
	if _, err := hasRows(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another version: %v", err)
	}
}

// A damaged or hostile file is refused, or is an index within its bounds: reading it cannot hurt.
func TestDamagedFiles(t *testing.T) {
	whole, err := sample(t).Encode()
	must(t, err)
	for n := range whole {
		if _, err := Decode(whole[:n]); !errors.Is(err, ErrIndex) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		b := bytes.Clone(whole)
		b[rnd.IntN(len(b))] ^= byte(1 + rnd.IntN(255))
		use(t, b)
	}
	if _, err := Decode(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrIndex) {
		t.Errorf("a byte more: %v", err)
	}
}

// use does with an index file what replay does.
func use(t *testing.T, b []byte) {
	x, err := Decode(b)
	if err != nil {
		if !errors.Is(err, ErrIndex) {
			t.Errorf("%v", err)
		}
		return
	}
	for _, idle := range []time.Duration{0, time.Second} {
		times := x.Times(idle)
		player := x.Player(times, strconv.Itoa)
		if len(player.Segments) > maxKeyframes || len(player.Times) > maxPairs+4 || len(player.Activity) > maxBuckets {
			t.Error("an index without bounds")
		}
	}
	for n := range min(x.Segments(), 3) {
		rd := openGolden(t)
		_, _ = x.Segment(rd, n, x.Times(0)) // an error is fine
		_, _, _ = x.At(rd, time.Second)
		must(t, rd.Close())
	}
	_, _ = x.Bytes(), x.Notes()
}

func openGolden(t *testing.T) *recorder.Reader {
	t.Helper()
	rd, err := recorder.OpenFile("../testdata/golden.ghr")
	must(t, err)
	return rd
}

func FuzzDecode(f *testing.F) {
	whole, err := sample(f).Encode()
	must(f, err)
	f.Add(whole)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		use(t, b)
		// The head is compressed, which hides it from the fuzzer: it also gets one that is not.
		use(t, append(append([]byte(magic), 0, 0, 0, byte(len(compress(b))>>8), byte(len(compress(b)))), compress(b)...))
	})
}
