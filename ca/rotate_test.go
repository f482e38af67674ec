package ca_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

func noNote(ca.Rotated) error { return nil }

func rotate(t testing.TB, set *ca.Set, name ca.Name, step ca.Step) ca.Rotated {
	t.Helper()
	out, err := set.Rotate(name, step, noNote)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func prints(keys []ssh.PublicKey) []string {
	var out []string
	for _, k := range keys {
		out = append(out, ssh.FingerprintSHA256(k))
	}
	return out
}

// TestRotateAgent: what is trusted and what signs at each step, forth and back, also for a process that reads it from the disk.
func TestRotateAgent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	now := at
	set, err := ca.Open(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	door, err := ca.NewAgentVerifier(set.Agent.PublicKeys(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	issued := func() *ssh.Certificate {
		t.Helper()
		key, _ := newKey(t)
		cert, err := set.Agent.Issue(agentRequest(key))
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	by1 := issued()
	key1, by2, key2 := ssh.FingerprintSHA256(by1.SignatureKey), (*ssh.Certificate)(nil), ""
	for _, step := range []struct {
		step    ca.Step
		phase   ca.Phase
		signs   int
		trusted []int
	}{
		{"", ca.Steady, 1, []int{1}}, {ca.Prepare, ca.Prepared, 1, []int{1, 2}}, {ca.Switch, ca.Switched, 2, []int{2, 1}},
		{ca.UndoSwitch, ca.Prepared, 1, []int{1, 2}}, {ca.Switch, ca.Switched, 2, []int{2, 1}}, {ca.Retire, ca.Steady, 2, []int{2}},
	} {
		if step.step != "" {
			rotate(t, set, ca.NameAgent, step.step)
		}
		if k, ok := set.Manifest().Key(ca.NameAgent, ca.Next); ok {
			key2 = k.Fingerprint
		}
		keys := []string{"", key1, key2}
		var want []string
		for _, i := range step.trusted {
			want = append(want, keys[i])
		}
		again, err := ca.Open(dir, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		if err := door.Trust(set.Agent.PublicKeys()); err != nil {
			t.Fatal(err)
		}
		cert := issued()
		if step.signs == 2 {
			by2 = cert
		}
		for name, s := range map[string]*ca.Set{"this process": set, "the next": again} {
			if got := prints(s.Agent.PublicKeys()); !slices.Equal(got, want) || s.Manifest().Phase(ca.NameAgent) != step.phase {
				t.Errorf("%q, %s: trusted %v in phase %s, want %v in %s", step.step, name, got, s.Manifest().Phase(ca.NameAgent), want, step.phase)
			}
			if got := ssh.FingerprintSHA256(cert.SignatureKey); got != keys[step.signs] || ssh.FingerprintSHA256(s.Agent.PublicKey()) != got {
				t.Errorf("%q, %s: %s signs, want key %d", step.step, name, got, step.signs)
			}
			for i, c := range map[int]*ssh.Certificate{1: by1, 2: by2} {
				if c == nil {
					continue
				}
				wantErr := error(ca.ErrWrongCA)
				if slices.Contains(step.trusted, i) {
					wantErr = nil
				}
				if _, err := s.Agent.Verify(c, anywhere); !errors.Is(err, wantErr) {
					t.Errorf("%q, %s: a certificate by key %d: %v, want %v", step.step, name, i, err, wantErr)
				}
				if _, err := door.Verify(c, anywhere); !errors.Is(err, wantErr) {
					t.Errorf("%q, the door: a certificate by key %d: %v, want %v", step.step, i, err, wantErr)
				}
			}
		}
		now = now.Add(time.Second)
	}
	for _, name := range []string{"agent_ca", "agent_ca.pub"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s of a retired key: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "agent_ca.retired")); err != nil {
		t.Errorf("a retired key was not kept: %v", err)
	}
	if _, err := set.Rotate(ca.NameAgent, ca.UndoSwitch, noNote); err == nil {
		t.Error("a retired key signs again")
	}
}

// TestRotateAll: each CA goes its own way; the others' keys stay. What a dropped key was called is never used again.
func TestRotateAll(t *testing.T) {
	set, dir := newSet(t, at)
	for _, name := range ca.Names() {
		others := set.Manifest()
		for _, step := range []ca.Step{ca.Prepare, ca.UndoPrepare, ca.Prepare, ca.Switch, ca.Retire} {
			rotate(t, set, name, step)
		}
		for _, other := range ca.Names() {
			if other != name && !slices.Equal(set.Manifest().Keys(other), others.Keys(other)) {
				t.Errorf("rotating %s changed %s", name, other)
			}
		}
		keys := set.Manifest().Keys(name)
		if len(keys) != 3 || keys[0].State != ca.Retired || keys[1].State != ca.Dropped || keys[2].State != ca.Active || keys[2].Generation != 3 {
			t.Errorf("%s: %+v", name, keys)
		}
	}
	again, err := ca.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Manifest().Change != 20 {
		t.Errorf("%d changes, want 20", again.Manifest().Change)
	}
}

// TestRotateLastEnd: when a key stops signing it is known when its last certificate ends: what this process signed, and what one
// before it may have.
func TestRotateLastEnd(t *testing.T) {
	now := at
	set, err := ca.Open(filepath.Join(t.TempDir(), "ca"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ after, ttl, end time.Duration }{
		{time.Hour, time.Minute, ca.MaxPersonTTL},                         // one before may have signed for 8 h
		{20 * time.Hour, 40 * time.Minute, 20*time.Hour + 40*time.Minute}, // all that one signed has ended; this one's has not
	} {
		now = at.Add(c.after)
		key, _ := newKey(t)
		r := agentRequest(key)
		r.TTL = c.ttl
		if _, err := set.Agent.Issue(r); err != nil {
			t.Fatal(err)
		}
		rotate(t, set, ca.NameAgent, ca.Prepare)
		rotate(t, set, ca.NameAgent, ca.Switch)
		old, _ := set.Manifest().Key(ca.NameAgent, ca.Old)
		if want := at.Add(c.end + time.Second); old.LastEnd == nil || !old.LastEnd.Equal(want) {
			t.Errorf("after %s: %v, want %s", c.after, old.LastEnd, want)
		}
		rotate(t, set, ca.NameAgent, ca.UndoSwitch)
		rotate(t, set, ca.NameAgent, ca.UndoPrepare)
	}
}

// TestRotateNoted: without its entry in the audit log a step does not happen.
func TestRotateNoted(t *testing.T) {
	set, dir := newSet(t, at)
	full := errors.New("the log is full")
	before := set.Manifest()
	for _, step := range []ca.Step{ca.Prepare, ca.Switch, ca.Retire} {
		if _, err := set.Rotate(ca.NameTarget, step, func(ca.Rotated) error { return full }); !errors.Is(err, full) {
			t.Errorf("%s: %v", step, err)
		}
		disk, err := ca.ReadManifest(dir)
		if err != nil || disk.Change != before.Change || set.Manifest().Change != before.Change {
			t.Errorf("%s: change %d on disk, %d here, %v", step, disk.Change, set.Manifest().Change, err)
		}
		rotate(t, set, ca.NameTarget, step)
		before = set.Manifest()
	}
}

// TestRotateRefuses: no step out of its order.
func TestRotateRefuses(t *testing.T) {
	set, _ := newSet(t, at)
	for _, c := range []struct {
		do      ca.Step
		refused []ca.Step
	}{
		{"", []ca.Step{ca.Switch, ca.Retire, ca.UndoPrepare, ca.UndoSwitch, "", "delete"}},
		{ca.Prepare, []ca.Step{ca.Prepare, ca.Retire, ca.UndoSwitch}},
		{ca.Switch, []ca.Step{ca.Prepare, ca.Switch, ca.UndoPrepare}},
	} {
		if c.do != "" {
			rotate(t, set, ca.NameFace, c.do)
		}
		for _, step := range c.refused {
			if _, err := set.Rotate(ca.NameFace, step, noNote); err == nil {
				t.Errorf("after %q: %q was done", c.do, step)
			}
		}
	}
	if _, err := set.Rotate("root", ca.Prepare, noNote); err == nil {
		t.Error("a CA that there is not was rotated")
	}
}

// crashVariable tells this program to be the one that dies in TestRotateCrash (TestMain).
const crashVariable = "GATEHOUSE_TEST_CA_CRASH" // DIR|STEP|POINT

// crash takes a step and is killed in the middle of it.
func crash(order []string) int {
	set, err := ca.Open(order[0], nil)
	if err != nil {
		return 2
	}
	set.OnFault(func(point string) {
		if point == order[2] {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	if _, err := set.Rotate(ca.NameAgent, ca.Step(order[1]), noNote); err != nil {
		return 3
	}
	return 0
}

// TestRotateCrash kills a process at each point between the durable parts of each step. Up to the manifest nothing has happened
// and the step is taken again; from there on it is done. What was signed before is accepted after as long as its key is trusted.
func TestRotateCrash(t *testing.T) {
	for _, step := range []ca.Step{ca.Prepare, ca.Switch, ca.Retire, ca.UndoPrepare, ca.UndoSwitch} {
		for _, c := range []struct {
			point string
			done  bool
		}{{"made", false}, {"ready", false}, {"noted", false}, {"durable", true}, {"in force", true}} {
			if c.point == "made" && step != ca.Prepare {
				continue
			}
			t.Run(string(step)+", "+c.point, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "ca")
				set, err := ca.Open(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				lead := map[ca.Step][]ca.Step{ca.Switch: {ca.Prepare}, ca.Retire: {ca.Prepare, ca.Switch}, ca.UndoPrepare: {ca.Prepare}, ca.UndoSwitch: {ca.Prepare, ca.Switch}}
				for _, s := range lead[step] {
					rotate(t, set, ca.NameAgent, s)
				}
				before := set.Manifest()
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), crashVariable+"="+dir+"|"+string(step)+"|"+c.point)
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("it was not killed: %v, %s", err, out)
				}
				after, err := ca.Open(dir, nil)
				if err != nil {
					t.Fatalf("after the crash: %v", err)
				}
				if done := after.Manifest().Change == before.Change+1; done != c.done {
					t.Errorf("done: %v, want %v", done, c.done)
				}
				key, _ := newKey(t)
				if _, err := after.Agent.Issue(agentRequest(key)); err != nil {
					t.Errorf("after the crash: %v", err)
				}
				if !c.done {
					rotate(t, after, ca.NameAgent, step)
				}
				if got := after.Manifest().Change; got != before.Change+1 {
					t.Errorf("change %d, want %d", got, before.Change+1)
				}
				files, err := filepath.Glob(filepath.Join(dir, "agent_ca*"))
				if err != nil || len(files) > 4 {
					t.Errorf("files left: %v, %v", files, err)
				}
				for _, k := range after.Manifest().Keys(ca.NameAgent) {
					name := k.Name
					if !k.State.Trusted() {
						name += ".retired"
					}
					if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
						t.Errorf("%s: %v", k.State, err)
					}
				}
			})
		}
	}
}

// TestRotateAnyOrder: after any steps, with restarts between them, exactly one key of each CA signs, what it signs is accepted,
// and nothing that was retired or dropped ever is again.
func TestRotateAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "rotate")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		set, err := ca.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		gone := map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			name := rapid.SampledFrom(ca.Names()).Draw(t, "ca")
			step := rapid.SampledFrom([]ca.Step{ca.Prepare, ca.Switch, ca.Retire, ca.UndoPrepare, ca.UndoSwitch}).Draw(t, "step")
			allowed, err := set.Manifest().NextStep(name, false)
			back, backErr := set.Manifest().NextStep(name, true)
			if err != nil {
				t.Fatal(err)
			}
			out, err := set.Rotate(name, step, noNote)
			if want := step == allowed || backErr == nil && step == back; (err == nil) != want {
				t.Fatalf("%s of %s: %v", step, name, err)
			}
			if err == nil && out.Ends != nil {
				gone[out.Ends.Fingerprint] = true
			}
			if rapid.Bool().Draw(t, "restart") {
				if set, err = ca.Open(dir, nil); err != nil {
					t.Fatal(err)
				}
			}
			for _, k := range slices.Concat(set.Agent.PublicKeys(), set.Target.PublicKeys(), set.Host.PublicKeys(), set.Face.PublicKeys()) {
				if gone[ssh.FingerprintSHA256(k)] {
					t.Fatalf("%s is trusted again", ssh.FingerprintSHA256(k))
				}
			}
			if !set.Agent.Trusts(ssh.FingerprintSHA256(set.Agent.PublicKey())) {
				t.Fatal("the signing key is not trusted")
			}
		}
	})
}
