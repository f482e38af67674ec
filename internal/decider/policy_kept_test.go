package decider

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestPoliciesAreKept: each policy that was in force can be read by its hash afterwards, as it was.
func TestPoliciesAreKept(t *testing.T) {
	b := newBench(t)
	hashes := []string{b.d.PolicyHash()}
	b.write("policy.yaml", obligedPolicy)
	_, err := b.d.Reload(t.Context())
	b.must(err)
	hashes = append(hashes, b.d.PolicyHash())
	for _, hash := range hashes {
		text, err := os.ReadFile(filepath.Join(PolicyDir(b.config().Dir), audit.PolicyFileName(hash)))
		b.must(err)
		var kept keptPolicy
		b.must(json.Unmarshal(text, &kept))
		if p, err := policy.Parse(kept.Files); err != nil || p.Hash() != hash || kept.Hash != hash {
			t.Errorf("%s: %+v, %v", hash, kept, err)
		}
	}
	if hashes[0] == hashes[1] {
		t.Error("the policy did not change")
	}
}

// TestKeptPoliciesAreBounded: the oldest go, by number and by size; the one that came last never does.
func TestKeptPoliciesAreBounded(t *testing.T) {
	fill := func() string {
		dir := t.TempDir()
		for i := range 5 {
			path := filepath.Join(dir, fmt.Sprintf("%064d.json", i))
			if err := os.WriteFile(path, make([]byte, 10), 0o600); err != nil {
				t.Fatal(err)
			}
			if at := time.Unix(int64(1e9+i), 0); os.Chtimes(path, at, at) != nil {
				t.Fatal(path)
			}
		}
		return dir
	}
	for _, c := range []struct {
		most  int
		size  int64
		first int
	}{{5, 50, 0}, {2, 1000, 3}, {5, 25, 3}, {1, 1, 4}} {
		dir := fill()
		if err := forgetPolicies(dir, c.most, c.size); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 5-c.first || left[0].Name() != fmt.Sprintf("%064d.json", c.first) {
			t.Errorf("%+v: %v, %v", c, left, err)
		}
	}
}
