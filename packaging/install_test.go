package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstallAndUninstall: an install over an older one takes away what only that had, uninstall takes away the rest, and neither
// touches what is not on the list, or a path on it that leads elsewhere.
func TestInstallAndUninstall(t *testing.T) {
	dest := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dest, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	there := func(path string) bool {
		_, err := os.Lstat(filepath.Join(dest, path))
		return err == nil
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "DESTDIR="+dest, "PREFIX=/usr/local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	const list = "/usr/local/share/gatehouse/installed"
	write("/usr/local/share/gatehouse/old.json", "")
	write("/usr/local/share/gatehouse/mine.json", "")
	write("/etc/passwd", "")
	write(list, "/usr/local/share/gatehouse/old.json\n/usr/local/../../etc/passwd\n/etc/passwd\n")
	program := filepath.Join(t.TempDir(), "gatehouse")
	stub := "#!/bin/sh\ncase $1 in man) mkdir -p $2/man1 && echo page >$2/man1/gatehouse.1 ;; completion) echo words ;; esac\n"
	if err := os.WriteFile(program, []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	run("../scripts/install", program)
	if there("/usr/local/share/gatehouse/old.json") || !there("/usr/local/share/gatehouse/mine.json") || !there("/etc/passwd") || !there("/usr/local/bin/gatehouse") {
		t.Error("an install over an older one")
	}
	f, err := os.ReadFile(filepath.Join(dest, list))
	if err != nil {
		t.Fatal(err)
	}
	write(list, string(f)+"/usr/local/../../etc/passwd\n")
	if out := run("../scripts/uninstall"); !strings.Contains(out, "left alone") {
		t.Errorf("uninstall says %q", out)
	}
	for _, path := range strings.Fields(string(f)) {
		if there(path) {
			t.Errorf("%s stays", path)
		}
	}
	if !there("/usr/local/share/gatehouse/mine.json") || !there("/etc/passwd") {
		t.Error("what is not ours is gone")
	}
}
