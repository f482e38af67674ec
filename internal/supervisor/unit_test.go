package supervisor_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/testgate"
)

const unitPath = "../../packaging/systemd/gatehouse.service"

// TestUnitGivesEnough: with the capabilities that the unit leaves the supervisor, and no way to gain others, both processes get their
// users, local commands theirs, and the service ends in order.
func TestUnitGivesEnough(t *testing.T) {
	text, err := os.ReadFile(unitPath)
	must(t, err)
	m := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal("the unit has no CapabilityBoundingSet")
	}
	set := "-all"
	for _, name := range strings.Fields(string(m[1])) {
		set += ",+" + strings.ToLower(strings.TrimPrefix(name, "CAP_"))
	}
	dir, program := build(t)
	start := filepath.Join(dir, "start")
	must(t, os.WriteFile(start, fmt.Appendf(nil, "#!/bin/sh\n[ \"$1\" = serve ] || exec %[1]s \"$@\"\nexec setpriv --bounding-set=%[2]s --inh-caps=-all --no-new-privs -- %[1]s \"$@\"\n", program, set), 0o755))
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: dir, Binary: start, Policy: policyText, Extra: "  bastion-host: {local: true, run_as: {ops: nobody}}\n"})
	must(t, err)
	t.Cleanup(func() { _ = g.Close() })
	if caps := field(t, g.PID("supervisor"), "CapEff"); caps == field(t, 1, "CapEff") || caps == field(t, os.Getpid(), "CapEff") {
		t.Fatalf("the supervisor has all capabilities: %s", caps)
	}
	for name, uid := range map[string]string{"decider": "61001", "door": "61002"} {
		if got := strings.Fields(field(t, g.PID(name), "Uid"))[1]; got != uid {
			t.Errorf("the %s runs as %s", name, got)
		}
	}
	_, err = g.Enrol(t.Context(), "agent", "bot")
	must(t, err)
	if r, err := g.SSH(t.Context(), "bot", nil, "ops@bastion-host@gatehouse", "sleep 1"); err != nil || r.Status != 0 {
		t.Errorf("a local command: %v, %d, %s", err, r.Status, r.Stderr)
	}
	must(t, g.Signal(15))
	must(t, g.Await())
	if g.Status() != 0 {
		t.Errorf("it ended with %d", g.Status())
	}
}

// TestUnitIsTight: systemd understands every line of the unit, and finds it no more exposed than the documentation says.
func TestUnitIsTight(t *testing.T) {
	docs, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	m := regexp.MustCompile(`says (\d)\.(\d) \(systemd`).FindSubmatch(docs)
	if m == nil {
		t.Fatal("docs/operations.md has no figure")
	}
	out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+string(m[1])+string(m[2]), unitPath).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Unknown") || strings.Contains(string(out), "ignoring") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
	for _, unit := range []string{"gatehouse.socket", "local-targets.conf"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(unitPath), unit))
		if err != nil || unit == "gatehouse.socket" && !strings.Contains(string(text), "\nFileDescriptorName=ssh\n") {
			t.Errorf("%s: %v", unit, err)
		}
	}
}
