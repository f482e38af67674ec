package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/testgate"
)

// installed stands for what only a whole machine has: the package manager and systemd are noted, not run (packaging has the real
// dpkg). Everything else is as it is printed.
const installed = `
apt-get() { echo "apt-get $*" >>calls; }
systemctl() { echo "systemctl $*" >>calls; }
`

// TestTheInstallManualIsTrue runs the commands of docs/install.md as they are printed, in other folders: a configuration and schemas, a
// backup and an upgrade of a Gatehouse that serves, and the way back by the backup.
func TestTheInstallManualIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		blocks[strings.TrimSpace(m[2])] = m[3]
	}
	dir := openFolder(t)
	binary := build(t, dir)
	gate, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: binary, Policy: "version: 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gate.Close(); err != nil {
			t.Error(err)
		}
	})
	run := func(name, config string) {
		t.Helper()
		script := blocks[name]
		if script == "" {
			t.Fatalf("no block %q", name)
		}
		script = strings.NewReplacer("/var/lib/gatehouse", gate.Data, "/backup", dir, "/etc/gatehouse", filepath.Dir(config),
			"gatehouse init", "gatehouse init --dir "+filepath.Dir(config)).Replace(script)
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", installed+script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "GATEHOUSE_CONFIG="+config)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, script, out)
		}
	}
	out, err := exec.Command(binary, "version", "--json").Output()
	var b Build
	if err := errors.Join(err, json.Unmarshal(out, &b)); err != nil || b.Version != "devel" || !b.Search || b.Revision == "" || b.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("version: %v %s", err, out)
	}
	run("configure", filepath.Join(dir, "etc", "gatehouse.yaml"))
	run("schema", gate.Path)
	run("upgrade", gate.Path)
	run("rollback", gate.Path)
	if err := gate.Stop(); err != nil {
		t.Fatal(err)
	}
	run("restore", gate.Path)
	if err := gate.Serve(); err != nil {
		t.Errorf("on the restored data: %v", err)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil || strings.Count(string(calls), "\n") != 7 {
		t.Errorf("%v %s", err, calls)
	}
}
