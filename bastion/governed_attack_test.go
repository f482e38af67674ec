package bastion

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"

	"gatehouse/policy"
)

var shellAttacks = flag.Bool("shell-attacks", false, "run every attack on the governed shell against a real target, not some")

var otherWays = flag.Int("shell-attack-ways", 0, "give the attacks by standard input, sh -c, files and at the prompt in turn, beginning with that one; 0: as a line")

// attackers is how many attacks one connection carries.
const attackers = 15

// TestAttacksOnTheGovernedShell: the attacks of bastion/shell/testdata/attacks through a real door, decider, confined process and sshd: nothing
// that policy denies runs on the target, nothing is written where it may not be, and the bastion's files are neither seen nor changed.
func TestAttacksOnTheGovernedShell(t *testing.T) {
	w := newGoverned(t)
	home, err := w.host.Path("/home/deploy")
	w.must(err)
	w.must(os.MkdirAll(home+"/out", 0o777))
	w.must(os.Chmod(home+"/out", 0o777))
	w.must(os.WriteFile(home+"/in.txt", []byte("one\ntwo\n"), 0o644))
	w.must(os.Symlink("..", home+"/out/up"))
	w.must(os.Symlink("../PWN", home+"/out/link"))
	w.must(os.Symlink("/tmp", home+"/out/swap"))
	w.must(unix.Mkfifo(home+"/out/fifo", 0o644))
	w.must(os.Chown(home, 2000, 2000)) // what keeps the login from its own home is policy alone
	bastion := filepath.Join(w.dir, "bastion")
	w.must(os.MkdirAll(bastion+"/tmp", 0o777))
	w.must(os.MkdirAll(bastion+"/bin", 0o755))
	w.must(os.WriteFile(bastion+"/secret", []byte("echo bastion-secret-7f3a\n"), 0o666))
	w.must(os.WriteFile(bastion+"/bin/leak", []byte("#!/bin/sh\necho bastion-secret-7f3a\n"), 0o755))
	fill := strings.NewReplacer("@HOME@", "/home/deploy", "@BIN@", "/usr/bin", "@SECRET@", bastion+"/secret", "@BASTION@", bastion, "@ROOT@", w.dir, "@PID@", "1", "@PPID@", "2")
	text, err := os.ReadFile("shell/testdata/attacks/policy.yaml")
	w.must(err)
	w.write("policy.yaml", fill.Replace(string(text)))
	_, err = w.decider.Reload(t.Context())
	w.must(err)
	names, err := filepath.Glob("shell/testdata/attacks/*.txtar")
	w.must(err)
	n := 0
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		w.must(err)
		for i, f := range a.Files {
			if !*shellAttacks && i%40 != 7 {
				continue
			}
			if n++; n%attackers == 0 {
				_ = c.Close()
				c = w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
			}
			title, want, _ := strings.Cut(f.Name, " = ")
			way := ways[0]
			if *otherWays > 0 {
				way = ways[1+(n+*otherWays)%(len(ways)-1)]
			}
			begun := time.Now()
			late := time.AfterFunc(100*time.Second, func() { _ = c.Close() })
			stdout, stderr, status := way.run(c, home, fill.Replace(string(f.Data)))
			late.Stop()
			t.Logf("%s/%s by %s: %d in %s", filepath.Base(name), title, way.name, status, time.Since(begun).Round(time.Millisecond))
			switch {
			case status < 0 && *otherWays == 0:
				t.Errorf("%s: no status: %s", title, stderr)
				fallthrough
			case status < 0:
				_ = c.Close()
				c = w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
			case *otherWays > 0: // what is a bash's may be refused to a sh, and a prompt's status is its last line's: harm is what counts
			case want == "denied" && !strings.Contains(stderr, "GATEHOUSE-DENIAL"):
				t.Errorf("%s: want a denial, got %d %q %q", title, status, stdout, stderr)
			case want == "refused" && status != 2:
				t.Errorf("%s: want a refusal, got %d %q %q", title, status, stdout, stderr)
			}
			if strings.Contains(stdout, "bastion-secret") || strings.Contains(stdout, "LEAK") || strings.Contains(stderr, "bastion-secret-7f3a\n") {
				t.Errorf("%s: the bastion's was seen: %q %q", title, stdout, stderr)
			}
			w.unharmed(title, home, bastion)
		}
	}
}

// unharmed wants no PWN on the target or the bastion.
func (w *whole) unharmed(title, home, bastion string) {
	w.t.Helper()
	var seen []string
	for _, root := range []string{home, bastion, filepath.Join(filepath.Dir(filepath.Dir(home)), "tmp")} {
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error { // a folder that is not there has nothing
			if strings.Contains(filepath.Base(path), "PWN") {
				w.t.Errorf("%s: there is %s", title, path)
				_ = os.Remove(path)
			}
			if strings.HasPrefix(path, bastion+"/") {
				seen = append(seen, strings.TrimPrefix(path, bastion+"/"))
			}
			return nil
		})
	}
	if want := []string{"bin", "bin/leak", "secret", "tmp"}; !slices.Equal(seen, want) {
		w.t.Errorf("%s: the bastion has %q", title, seen)
	}
	if b, err := os.ReadFile(bastion + "/secret"); err != nil || string(b) != "echo bastion-secret-7f3a\n" {
		w.t.Errorf("%s: the bastion's file was changed: %q, %v", title, b, err)
	}
}
