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
	x.note("another note")
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

// A file that is whole, and says what cannot be, is refused.
func TestHostileFiles(t *testing.T) {
	for name, spoil := range map[string]func(x *Index){
		"keyframes that go back": func(x *Index) {
			x.Keyframes = append(x.Keyframes, x.Keyframes[0])
			x.snapshots = append(x.snapshots, x.snapshots[0])
		},
		"a keyframe beyond the file":   func(x *Index) { x.Keyframes[1].Frame = 1 << 40 },
		"a keyframe before the file":   func(x *Index) { x.Keyframes[1].Frame = -1 },
		"a keyframe after the end":     func(x *Index) { x.Keyframes[1].At = x.Shown + 1 },
		"a screen of a million rows":   func(x *Index) { x.Keyframes[1].Rows = 1_000_000 },
		"an event below zero":          func(x *Index) { x.Keyframes[1].Event = -1 },
		"more snapshot than there is":  func(x *Index) { x.Keyframes[1].Stored = 1 << 30 },
		"less than no snapshot":        func(x *Index) { x.Keyframes[0].Stored = -1 },
		"pauses that overlap":          func(x *Index) { x.Pauses[1][1] = x.Pauses[1][0] },
		"a pause without an end":       func(x *Index) { x.Pauses[1][0] = maxMicros },
		"a pause of less than nothing": func(x *Index) { x.Pauses[0][1] = -1 },
		"too many pauses":              func(x *Index) { x.Pauses = make([][2]int64, maxPauses+1) },
		"secrets out of order":         func(x *Index) { x.Hits[0].Event = 8 },
		"a secret that ends at once":   func(x *Index) { x.Hits[0].To = -1 },
		"events that go back":          func(x *Index) { x.head.Events[0].At = 20e6 + 1; x.head.Events[1].At = 20e6 },
		"an event that is too large":   func(x *Index) { x.head.Events[0].Data = make([]byte, recorder.MaxEvent+1) },
		"an end before the beginning":  func(x *Index) { x.Last = -1 },
		"a bucket of nothing":          func(x *Index) { x.Bucket = 0 },
		"too many buckets":             func(x *Index) { x.head.Activity = make([]int64, maxBuckets+1) },
		"a time beyond all":            func(x *Index) { x.Last = 1 << 62 },
		"a hash that is none":          func(x *Index) { x.SHA256 = "xyz" },
	} {
		x := sample(t)
		spoil(x)
		b, err := x.Encode()
		must(t, err)
		if _, err := Decode(b); !errors.Is(err, ErrIndex) {
			t.Errorf("%s: %v", name, err)
		}
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
