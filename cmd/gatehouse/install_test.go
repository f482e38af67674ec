package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInstallAndUninstall: what scripts/install puts below a folder is whole, and scripts/uninstall takes away exactly that.
func TestInstallAndUninstall(t *testing.T) {
	env := onPath(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts := filepath.Join("..", "..", "scripts")
	generator := filepath.Join(strings.TrimPrefix(strings.SplitN(env[0], ":", 2)[0], "PATH="), "gatehouse")
	root := filepath.Join(dir, "root")
	do := func(prefix string, args ...string) (string, error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(env, "PREFIX="+prefix, "DESTDIR="+root)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, prefix := range []string{"/usr", "/usr/local"} {
		kept := map[string]string{"/var/lib/gatehouse/key": "kept", "/etc/elsewhere": "kept", prefix + "/share/gatehouse/mine": "kept", prefix + "/bin/other": "kept"}
		for path, text := range kept {
			if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before := tree(t, root)
		list := filepath.Join(root, prefix, "share/gatehouse/installed")
		// What an older version had is on its list, and so is what somebody wrote into it.
		goes, elsewhere := prefix+"/share/gatehouse/old", prefix+"/../"+strings.Repeat("../", strings.Count(prefix, "/")-1)+"etc/elsewhere"
		for path, text := range map[string]string{filepath.Join(root, goes): "", list: goes + "\n" + elsewhere + "\n"} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for range map[string]int{"/usr": 2, "/usr/local": 1}[prefix] { // it may be there already
			if out, err := do(prefix, filepath.Join(scripts, "install"), program, generator); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		installed := tree(t, root)
		if slices.Contains(installed, goes) {
			t.Error("what only an older version had stays")
		}
		if err := appendTo(list, elsewhere+"\n"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"bin/gatehouse", "share/man/man1/gatehouse-policy.1", "share/man/man5/gatehouse.yaml.5", "share/bash-completion/completions/gatehouse",
			"share/fish/vendor_completions.d/gatehouse.fish", "lib/sysusers.d/gatehouse.conf", "share/gatehouse/policy.schema.json", "share/doc/gatehouse/copyright"} {
			if !slices.Contains(installed, prefix+"/"+want) {
				t.Errorf("no %s/%s", prefix, want)
			}
		}
		out, err := do(prefix, filepath.Join(scripts, "uninstall"))
		if err != nil || !strings.Contains(out, "/var/lib/gatehouse stays") {
			t.Errorf("%v %s", err, out)
		}
		if after := tree(t, root); !slices.Equal(before, after) {
			t.Errorf("after it: %q, before: %q", after, before)
		}
		if out, err := do(prefix, filepath.Join(scripts, "uninstall")); err == nil || !strings.Contains(out, "nothing is installed") {
			t.Errorf("a second time: %v %s", err, out)
		}
	}
}

// tree are the files below a folder, as paths from it.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
