package decider

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

func (b *bench) reload() protocol.Reloaded {
	b.t.Helper()
	r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{})
	b.must(err)
	return r
}

// TestReload: what is valid comes into force, what is not leaves the last good in force and is said once.
func TestReload(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	first := b.d.PolicyHash()
	allowed := func(argv ...string) bool {
		got, err := b.door.Decide(t.Context(), b.question(conn, argv...))
		b.must(err)
		return got.Decision.Verdict == policy.Allow
	}
	for name, spoil := range map[string]func(){
		"not YAML": func() { b.write("policy.yaml", "{") }, "an unknown role": func() { b.write("policy.yaml", "version: 1\nagents: {bot: {owner: person:x, roles: [none]}}\n") },
		"empty": func() { b.write("policy.yaml", "") }, "gone": func() { b.must(os.Remove(filepath.Join(b.dir, "policy.yaml"))) },
		"a folder without files": func() {
			b.must(os.Remove(filepath.Join(b.dir, "policy.yaml")))
			b.must(os.Mkdir(filepath.Join(b.dir, "policy.yaml"), 0o700))
		},
		"targets that are none": func() { b.write("targets.yaml", "version: 2\n") },
	} {
		spoil()
		r := b.reload()
		if r.Problem == "" || r.PolicyHash != first || !allowed("echo", "x") {
			t.Errorf("%s: %+v", name, r)
		}
		count := 0
		b.reload()
		for _, e := range b.entries() {
			if e.Type == audit.PolicyReject && e.Reason == r.Problem {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%s: %d entries", name, count)
		}
		_ = os.Remove(filepath.Join(b.dir, "policy.yaml"))
		b.write("policy.yaml", testPolicy)
		b.write("targets.yaml", testTargets)
		if r := b.reload(); r.Problem != "" || r.PolicyHash != first {
			t.Fatalf("after %s: %+v", name, r)
		}
	}
	b.write("policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1))
	if r := b.reload(); r.Problem != "" || !r.Changed || r.PolicyHash == first || allowed("echo", "x") || !allowed("id") {
		t.Errorf("another policy: %+v", r)
	}
	if last := lastOf(b, audit.PolicyLoad); last.Policy != b.d.PolicyHash() || !strings.Contains(string(last.Data), `"targets":"sha256:`) {
		t.Errorf("the log says %+v", last)
	}
}

func lastOf(b *bench, kind audit.Type) (last audit.Entry) {
	for _, e := range b.entries() {
		if e.Type == kind {
			last = e
		}
	}
	return last
}

// TestInventoryChange: another inventory is a change too: logged, stored, and told to the door.
func TestInventoryChange(t *testing.T) {
	b := newBench(t)
	before := len(b.entries())
	b.write("targets.yaml", strings.Replace(testTargets, "127.0.0.1:1", "127.0.0.1:9", 1))
	if r := b.reload(); !r.Changed || r.Problem != "" {
		t.Errorf("%+v", r)
	}
	if after := b.entries(); len(after) != before+1 || after[before].Type != audit.PolicyLoad {
		t.Errorf("%d entries more", len(after)-before)
	}
	if stored, err := b.d.readLastGood(); err != nil || !strings.Contains(string(stored.Targets.Data), "127.0.0.1:9") {
		t.Errorf("stored %s, %v", stored.Targets.Data, err)
	}
	if r := b.reload(); r.Changed || len(b.entries()) != before+1 {
		t.Errorf("the same again: %+v", r)
	}
}

// TestRevoke: a change that does not allow a live session names it to the door; one that does not matter names none.
func TestRevoke(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		ended      bool
	}{
		"the rule is gone":   {"policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1), true},
		"the agent is gone":  {"policy.yaml", strings.Replace(testPolicy, "bot: {owner: person:ann, roles: [operator]}, ", "", 1), true},
		"the target is gone": {"targets.yaml", strings.Replace(testTargets, "  web-1:", "  web-9:", 1), true},
		"the login is gone":  {"targets.yaml", strings.Replace(testTargets, "[deploy, root]", "[root]", 1), true},
		"a rule more":        {"policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- echo <text>...\n      - id", 1), false},
	} {
		b := newBench(t)
		q := b.question(b.connect(policy.Agent, "bot"), "echo", "x")
		if _, err := b.door.Decide(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		b.write(c.file, c.text)
		if r := b.reload(); r.Problem != "" {
			t.Fatalf("%s: %+v", name, r)
		}
		// An inventory event comes first in any case, and the answer to hello after all events.
		if _, err := b.door.Hello(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		got := b.revoked
		b.mu.Unlock()
		if c.ended != (len(got) == 1 && len(got[0].Sessions) == 1 && got[0].Sessions[0] == q.Session) || !c.ended && len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestLastGood: a restart with a broken file goes on with what was last in force; without that it refuses to start.
func TestLastGood(t *testing.T) {
	b := newBench(t)
	good := b.d.PolicyHash()
	b.must(b.d.Close())
	b.write("policy.yaml", "broken")
	b.open()
	if b.d.PolicyHash() != good || lastOf(b, audit.PolicyLoad).Outcome != "last-good" {
		t.Errorf("policy %s, the log says %+v", b.d.PolicyHash(), lastOf(b, audit.PolicyLoad))
	}
	b.must(b.d.Close())
	b.must(os.Remove(filepath.Join(b.config().Dir, lastGoodFile)))
	if d, err := Open(context.Background(), b.config()); err == nil {
		_ = d.Close()
		t.Error("it started without any policy")
	}
	b.write("policy.yaml", testPolicy)
	b.open()
	if _, err := Open(context.Background(), b.config()); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one on the same folder: %v", err)
	}
}

// TestFingerprint: a file that is replaced by renaming is seen, also with the size and time of the one before.
func TestFingerprint(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.dir, "policy.yaml")
	info, err := os.Stat(path)
	b.must(err)
	before := b.d.fingerprint()
	b.write("policy.yaml", strings.Replace(testPolicy, "echo", "ecco", 1))
	b.must(os.Chtimes(path, time.Time{}, info.ModTime()))
	if b.d.fingerprint() == before {
		t.Error("a replaced file is not seen")
	}
	before = b.d.fingerprint()
	b.must(os.Remove(path))
	if b.d.fingerprint() == before {
		t.Error("a file that is gone is not seen")
	}
}

// TestWatch: a change comes into force by itself.
func TestWatch(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.d.Watch(ctx) }()
	before := b.d.PolicyHash()
	b.write("policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1))
	<-b.told // the inventory event of the reload; the test's own time limit ends a wait for nothing
	if b.d.PolicyHash() == before {
		t.Error("the policy is the one before")
	}
	cancel()
	<-done
}
