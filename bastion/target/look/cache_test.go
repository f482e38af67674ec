package look

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/policy"
)

// TestCacheKeepsWhatOnlyRootChanges: trusted programs and homes for ten minutes, and nothing else.
func TestCacheKeepsWhatOnlyRootChanges(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := NewCache(func() time.Time { return now })
	ls := policy.ProgramFact{Path: "/usr/bin/ls", Real: "/usr/bin/ls"}
	hashed := ls
	hashed.SHA256 = "ab"
	answer := policy.Facts{Home: "/home/deploy", Programs: map[string]policy.ProgramFact{"ls": ls, "own": {Why: "not root's"}, "other": ls},
		Paths: map[string]policy.PathFact{"/x": {Real: "/x", Kind: policy.PathFile}}, Globs: map[string][]string{"/*": {"/x"}}}
	probes := []policy.Probe{{Kind: policy.ProbeHome}, {Kind: policy.ProbeProgram, Name: "ls"}, {Kind: policy.ProbeProgram, Name: "own"}, {Kind: policy.ProbePath, Name: "/x"}, {Kind: policy.ProbeGlob, Name: "/*"}}
	c.Keep("web-1", "deploy", probes, answer)
	names := []string{"ls", "own", "other", "planted"}
	f := c.Known("web-1", "deploy", names)
	if f.Home != "/home/deploy" || len(f.Programs) != 1 || f.Programs["ls"] != ls || len(f.Paths)+len(f.Globs) != 0 {
		t.Errorf("%+v", f)
	}
	f.Programs["planted"] = ls // the caller's own
	if f := c.Known("web-1", "deploy", []string{"own"}); f.Home != "/home/deploy" || len(f.Programs) != 0 {
		t.Errorf("of another program: %+v", f)
	}
	if f := c.Known("web-1", "root", names); f.Home != "" || len(f.Programs) != 1 {
		t.Errorf("another login: %+v", f)
	}
	if f := c.Known("web-2", "deploy", names); f.Home != "" || len(f.Programs) != 0 {
		t.Errorf("another target: %+v", f)
	}
	now = now.Add(5 * time.Minute)
	c.Keep("web-1", "deploy", []policy.Probe{{Kind: policy.ProbeProgram, Name: "ls", Hash: true}}, policy.Facts{Programs: map[string]policy.ProgramFact{"ls": ls}})
	if f := c.Known("web-1", "deploy", names); f.Programs["ls"] != ls {
		t.Errorf("a hash that is none: %+v", f)
	}
	c.Keep("web-1", "deploy", []policy.Probe{{Kind: policy.ProbeProgram, Name: "ls", Hash: true}}, policy.Facts{Programs: map[string]policy.ProgramFact{"ls": hashed}})
	if f := c.Known("web-1", "deploy", names); f.Programs["ls"] != hashed {
		t.Errorf("with hash: %+v", f)
	}
	now = now.Add(5 * time.Minute)
	if f := c.Known("web-1", "deploy", names); f.Home != "" || f.Programs["ls"] != hashed {
		t.Errorf("after ten minutes: %+v", f)
	}
	c.Forget("web-1")
	if f := c.Known("web-1", "deploy", names); len(f.Programs) != 0 {
		t.Errorf("forgotten: %+v", f)
	}
}

// TestCacheIsBounded: it never holds more than it says, whoever asks how much, and from many goroutines.
func TestCacheIsBounded(t *testing.T) {
	c := NewCache(nil)
	fact := policy.ProgramFact{Path: "/usr/bin/x", Real: "/usr/bin/x"}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range maxTargets {
				name := fmt.Sprintf("%d-%d", g, i)
				c.Keep(name, "x", []policy.Probe{{Kind: policy.ProbeHome}}, policy.Facts{Home: "/x"})
				c.Keep("one", name, []policy.Probe{{Kind: policy.ProbeHome}, {Kind: policy.ProbeProgram, Name: name}}, policy.Facts{Home: "/x", Programs: map[string]policy.ProgramFact{name: fact}})
				if i%1000 == 0 {
					c.Known("one", name, []string{name})
				}
			}
		})
	}
	group.Wait()
	if len(c.targets) > maxTargets {
		t.Errorf("%d targets", len(c.targets))
	}
	if k := c.targets["one"]; k != nil && (len(k.homes) > maxHomes || len(k.programs) > maxPrograms) {
		t.Errorf("%d homes, %d programs", len(k.homes), len(k.programs))
	}
}
