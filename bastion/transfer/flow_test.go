package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// TestFlow: blocks in any order within the bound give the hash of the whole; what is missing, came twice or too early gives none.
func TestFlow(t *testing.T) {
	whole := make([]byte, 100_000)
	rand.NewChaCha8([32]byte{1}).Read(whole)
	want := sha256.Sum256(whole)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var f flow
		for _, i := range rnd.Perm(100) {
			f.add(int64(i)*1000, whole[i*1000:(i+1)*1000])
		}
		if sum, ok := f.whole(100_000); !ok || sum != hex.EncodeToString(want[:]) {
			t.Fatalf("shuffled: %s, %v", sum, ok)
		}
		if _, ok := f.whole(100_001); ok {
			t.Fatal("a part counts as the whole")
		}
	}
	for name, blocks := range map[string][]span{"a hole": {{0, 10}, {20, 30}}, "twice": {{0, 10}, {0, 10}, {10, 30}}, "late twice": {{10, 20}, {10, 20}, {0, 10}, {20, 30}},
		"too early": {{1 << 20, 1<<20 + maxLate + 1}, {0, 1 << 20}}} {
		var f flow
		for _, s := range blocks {
			f.add(s[0], make([]byte, s[1]-s[0]))
		}
		if _, ok := f.whole(f.next); ok && name != "a hole" {
			t.Errorf("%s has a hash", name)
		}
		if _, ok := f.whole(30); ok {
			t.Errorf("%s is whole", name)
		}
		if f.kept > maxLate {
			t.Errorf("%s keeps %d bytes", name, f.kept)
		}
	}
	var f flow
	for i := range int64(1000) {
		f.add(i*10, []byte("x"))
	}
	if len(f.ranges) > maxRanges || !f.more || f.bytes != 1000 {
		t.Errorf("%d ranges, more %v, %d bytes", len(f.ranges), f.more, f.bytes)
	}
}
