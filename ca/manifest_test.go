package ca_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/ca"
)

func manifestText(t testing.TB, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ca.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestManifestRefuses: what Gatehouse did not write is not believed, and says so.
func TestManifestRefuses(t *testing.T) {
	set, dir := newSet(t, at)
	rotate(t, set, ca.NameAgent, ca.Prepare)
	good := manifestText(t, dir)
	target, _ := set.Manifest().Key(ca.NameTarget, ca.Active)
	host, _ := set.Manifest().Key(ca.NameHost, ca.Active)
	for name, change := range map[string][2]string{
		"another version":     {`"version": 1`, `"version": 2`},
		"an unknown field":    {`"change": 1`, "\"change\": 1,\n \"trust\": true"},
		"an unknown state":    {`"state": "next"`, `"state": "best"`},
		"two that sign":       {`"state": "next"`, `"state": "active"`},
		"none that signs":     {`"state": "active"`, `"state": "old"`},
		"a key of another CA": {target.PublicKey, host.PublicKey},
		"another fingerprint": {target.Fingerprint, strings.Replace(target.Fingerprint, ":", ":A", 1)[:len(target.Fingerprint)]},
		"generations swapped": {`"generation": 2`, `"generation": 1`},
		"a path as a name":    {`"name": "agent_ca.2"`, `"name": "../agent_ca"`},
		"a missing CA":        {`"face": [`, `"spare": [`},
		"other spacing":       {`"version": 1`, `"version":  1`},
		"a name twice":        {`"version": 1,`, "\"version\": 1,\n \"version\": 1,"},
		"a second value":      {"\n}\n", "\n}\n{}\n"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s: nothing to change", name)
		}
		write(t, filepath.Join(dir, ca.ManifestFile), text, 0o600)
		if _, err := ca.Open(dir, nil); err == nil || !strings.Contains(err.Error(), ca.ManifestFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Both together, consistent in itself: two CAs with one key.
	both := strings.NewReplacer(target.PublicKey, host.PublicKey, target.Fingerprint, host.Fingerprint).Replace(good)
	write(t, filepath.Join(dir, ca.ManifestFile), both, 0o600)
	if _, err := ca.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "each CA needs its own") {
		t.Errorf("two CAs with one key: %v", err)
	}
	write(t, filepath.Join(dir, ca.ManifestFile), good, 0o600)
	if _, err := ca.Open(dir, nil); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// TestManifestLost: without the manifest a folder that saw a rotation is not taken for a new one.
func TestManifestLost(t *testing.T) {
	for _, steps := range [][]ca.Step{{ca.Prepare}, {ca.Prepare, ca.Switch}, {ca.Prepare, ca.Switch, ca.Retire}} {
		set, dir := newSet(t, at)
		for _, s := range steps {
			rotate(t, set, ca.NameHost, s)
		}
		if err := os.Remove(filepath.Join(dir, ca.ManifestFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := ca.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
			t.Errorf("after %v: %v", steps, err)
		}
	}
}

// TestManifestAdopts: an installation from before there was a manifest goes on with its keys.
func TestManifestAdopts(t *testing.T) {
	set, dir := newSet(t, at)
	if err := os.Remove(filepath.Join(dir, ca.ManifestFile)); err != nil {
		t.Fatal(err)
	}
	again, err := ca.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ca.Names() {
		was, _ := set.Manifest().Key(name, ca.Active)
		is, ok := again.Manifest().Key(name, ca.Active)
		if !ok || is.Fingerprint != was.Fingerprint || is.Generation != 1 || is.Name != string(name)+"_ca" {
			t.Errorf("%s: %+v, was %+v", name, is, was)
		}
	}
}

// TestKeyLost: a listed key that is missing is never made anew. What it signed is accepted, nothing is signed, the way out is the
// rotation, and a key that is put back signs without a restart.
func TestKeyLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	set, err := ca.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t)
	cert, err := set.Agent.Issue(agentRequest(key))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "agent_ca")
	if err := os.Rename(path, path+"-away"); err != nil {
		t.Fatal(err)
	}
	lost, err := ca.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Agent.Issue(agentRequest(key)); !errors.Is(err, ca.ErrSigner) || !strings.Contains(err.Error(), "runbook") {
		t.Errorf("issue without the key: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the key was made anew")
	}
	if _, err := lost.Agent.Verify(cert, anywhere); err != nil {
		t.Errorf("what it signed: %v", err)
	}
	if d := lost.Describe(ca.NameAgent); !strings.HasPrefix(d, "NOT AVAILABLE") {
		t.Errorf("described as %q", d)
	}
	if err := os.Rename(path+"-away", path); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Agent.Issue(agentRequest(key)); err != nil {
		t.Errorf("issue with the key put back: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if lost, err = ca.Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, step := range []ca.Step{ca.Prepare, ca.Switch} {
		rotate(t, lost, ca.NameAgent, step)
	}
	if _, err := lost.Agent.Issue(agentRequest(key)); err != nil {
		t.Errorf("issue with the next key: %v", err)
	}
	if _, err := lost.Rotate(ca.NameAgent, ca.UndoSwitch, noNote); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("undo to the key that is lost: %v", err)
	}
	rotate(t, lost, ca.NameAgent, ca.Retire)
	if _, err := lost.Agent.Verify(cert, anywhere); !errors.Is(err, ca.ErrWrongCA) {
		t.Errorf("what the lost key signed, after it was retired: %v", err)
	}
}

// TestKeyReplaced: another key under a listed name is refused: certificates by it would be accepted nowhere.
func TestKeyReplaced(t *testing.T) {
	_, dir := newSet(t, at)
	path := filepath.Join(dir, "host_ca")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.LoadOrCreateKey(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "restore one of the two") {
		t.Errorf("another key: %v", err)
	}
}

// FuzzManifest: no bytes make the reader panic, and what it accepts keeps the invariants.
func FuzzManifest(f *testing.F) {
	set, dir := newSet(f, at)
	f.Add([]byte(manifestText(f, dir)))
	rotate(f, set, ca.NameFace, ca.Prepare)
	f.Add([]byte(manifestText(f, dir)))
	rotate(f, set, ca.NameFace, ca.Switch)
	f.Add([]byte(manifestText(f, dir)))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ca.ParseManifest(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		for _, name := range ca.Names() {
			if _, ok := m.Key(name, ca.Active); !ok {
				t.Fatalf("%s has no key that signs", name)
			}
			if keys, err := m.Trusted(name); err != nil || len(keys) > 2 {
				t.Fatalf("%s trusts %d keys, %v", name, len(keys), err)
			}
		}
	})
}
