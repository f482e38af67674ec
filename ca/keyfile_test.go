package ca_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// TestLoadOrCreateKey: the key is made once, for its owner alone, and ssh-keygen reads the same public key from it.
func TestLoadOrCreateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent_ca")
	first, err := ca.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Remove(path + ".pub"); err != nil {
		t.Fatal(err)
	}
	again, err := ca.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	fromPrivate, _, _, _, err := ssh.ParseAuthorizedKey([]byte(keygen(t, "-y", "-f", path)))
	if err != nil {
		t.Fatal(err)
	}
	want := ssh.FingerprintSHA256(first.PublicKey())
	for what, key := range map[string]ssh.PublicKey{"loaded": again.PublicKey(), "ssh-keygen -y": fromPrivate, ".pub": readPublic(t, path+".pub")} {
		if got := ssh.FingerprintSHA256(key); got != want {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestLoadOrCreateKeyRaces: processes that start together agree on one key.
func TestLoadOrCreateKeyRaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent_ca")
	prints := make([]string, 16)
	var wg sync.WaitGroup
	for i := range prints {
		wg.Go(func() {
			signer, err := ca.LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = ssh.FingerprintSHA256(signer.PublicKey())
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Fatalf("two keys: %v", prints)
		}
	}
}

// TestLoadKeyRefuses: each file is refused with what to do about it.
func TestLoadKeyRefuses(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(path string) error
		want  string
	}{
		{"group-readable", func(p string) error { return os.Chmod(p, 0o640) }, "chmod 600"},
		{"world-readable", func(p string) error { return os.Chmod(p, 0o604) }, "chmod 600"},
		{"someone else's", func(p string) error { return os.Chown(p, 65534, 65534) }, "run chown"},
		{"a symbolic link", func(p string) error {
			if err := os.Rename(p, p+".real"); err != nil {
				return err
			}
			return os.Symlink(p+".real", p)
		}, "symbolic link"},
		{"a pipe", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return unix.Mkfifo(p, 0o600)
		}, "not a regular file"},
		{"no key", func(p string) error { return os.WriteFile(p, []byte("hello"), 0o600) }, "no key found"},
		{"empty", func(p string) error { return os.Truncate(p, 0) }, "no key found"},
		{"with a passphrase", func(p string) error {
			keygen(t, "-q", "-p", "-N", "secret", "-f", p)
			return nil
		}, "ssh-keygen -p"},
		{"weak", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			keygen(t, "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", p)
			return nil
		}, "1024"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent_ca")
			if _, err := ca.LoadOrCreateKey(path); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ca.LoadOrCreateKey(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("LoadOrCreateKey: %v, want %q", err, c.want)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Error("the file was replaced")
			}
		})
	}
}

// TestOpenRefusesOneKeyTwice: a copied key file would let one CA speak for another.
func TestOpenRefusesOneKeyTwice(t *testing.T) {
	_, dir := newSet(t, at)
	key, err := os.ReadFile(filepath.Join(dir, ca.AgentKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ca.TargetKeyFile), string(key), 0o600)
	if _, err := ca.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "each CA needs its own") {
		t.Errorf("Open: %v", err)
	}
}
