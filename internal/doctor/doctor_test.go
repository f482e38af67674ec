package doctor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/target/check"
	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
)

// sound is an installation of which nothing is known to be wrong.
func sound() *Patient {
	return &Patient{Status: &protocol.Status{}, Now: time.Now, Backup: time.Now(), BackupAge: time.Hour, Kernel: Kernel{
		Landlock: func() (int, error) { return 5, nil }, Synced: func() (bool, error) { return true, nil },
		Account: func(uint32) (string, string, bool) { return "", "", false }, User: func(string) bool { return true },
		Lookup: func(context.Context, string) error { return nil }, Free: func(string) (uint64, error) { return 1 << 40, nil }},
		Settings: config.Config{Audit: config.Audit{Witnesses: []config.Witness{{}}}, Users: config.Users{Decider: 61001, Door: 61002}, Alerts: []config.AlertChannel{{Name: "ops"}}}}
}

// found is the level of the first finding under an id, and what all say.
func found(t *testing.T, p *Patient, id string) (Level, string) {
	t.Helper()
	r := Examine(t.Context(), p, func(other string) bool { return other == id })
	if len(r) != 1 {
		t.Fatalf("%s: %d results", id, len(r))
	}
	if r[0].OK {
		return "", ""
	}
	var says []string
	for _, f := range r[0].Findings {
		if f.ID != id {
			t.Errorf("a finding of %s under %s", f.ID, id)
		}
		says = append(says, f.Says)
	}
	return r[0].Findings[0].Level, strings.Join(says, "\n")
}

// TestWhatTheMachineSays are the mistakes that a test cannot make on the machine that it runs on: its clock, its kernel.
func TestWhatTheMachineSays(t *testing.T) {
	for _, c := range []struct {
		id     string
		change func(*Patient)
		level  Level
		says   string
	}{
		{"clock.unsynced", func(p *Patient) { p.Kernel.Synced = func() (bool, error) { return false, nil } }, Warn, "nothing keeps this machine's clock right"},
		{"clock.unsynced", func(p *Patient) { p.Kernel.Synced = func() (bool, error) { return false, unix.EPERM } }, Unknown, "not permitted"},
		{"clock.behind", func(p *Patient) { p.LastEntry = time.Now().Add(time.Hour) }, Fail, "is 1h0m0s behind"},
		{"clock.behind", func(p *Patient) { p.LastEntry = time.Now().Add(time.Second) }, "", ""},
		{"kernel.landlock", func(p *Patient) { p.Kernel.Landlock = func() (int, error) { return 0, unix.ENOSYS } }, Fail, "no Landlock (function not implemented)"},
		{"kernel.landlock", func(p *Patient) { p.Kernel.Landlock = func() (int, error) { return 1, nil } }, Warn, "version 1"},
		{"shells.confined", func(p *Patient) { p.Kernel.Shell = func(uint32) error { return errors.New("load seccomp filter") } }, Fail, "load seccomp filter"},
		{"shells.confined", func(p *Patient) { p.Kernel.Shell = func(uint32) error { return nil } }, "", ""},
		{"users.account", func(p *Patient) {
			p.Settings.Users.Shells = 60740
			p.Kernel.Account = func(uid uint32) (string, string, bool) { return "ann", "/home/ann", uid == 60995 }
		}, Warn, "one of users.shells is 60995, which is the account ann"},
		{"names.face", func(p *Patient) { p.Faces = func() ([]string, error) { return nil, errors.New("refused") } }, Fail, "shows no certificate: refused"},
		{"signer.away", func(p *Patient) { p.Status.Signers = []string{"target"} }, Fail, "the target CA's key could not sign"},
		{"signer.away", func(p *Patient) { p.Status.CAs = []protocol.CA{{Name: "host", Signer: "NOT AVAILABLE: gone"}} }, Fail, "the host CA: NOT AVAILABLE: gone"},
		{"log.unwitnessed", func(p *Patient) {
			p.Status.Anchors = []protocol.AuditAnchor{{Kind: "witness", Name: "w", Alarm: "ROLLBACK"}}
		}, Fail, "witness w: ROLLBACK"},
		{"log.unwitnessed", func(p *Patient) {
			p.Status.Anchors = []protocol.AuditAnchor{{Kind: "witness", Name: "w", Problem: "away"}}
		}, Warn, "witness w: away"},
		{"alerts.answer", func(p *Patient) { p.Settings.Alerts = nil }, Warn, "nobody is told"},
		{"alerts.answer", func(p *Patient) {
			p.Settings.Alerts = []config.AlertChannel{{Name: "ops"}, {Name: "mail"}}
			p.Alerts = []console.AlertTested{{Channel: "ops"}, {Channel: "mail", Problem: "refused"}}
		}, Fail, "the channel mail does not answer: refused"},
		{"target.forwarding", aTarget("forwarding", check.Weak), Warn, "web-1: deploy: forwarding: a word"},
		{"target.environment", aTarget("environment", check.Broken), Fail, "web-1: deploy: environment: a word"},
		{"target.sign-in", aTarget("something new", check.NotChecked), Unknown, "web-1: deploy: something new: a word"},
		{"target.sign-in", aTarget("sign-in", check.OK), "", ""},
		{"metrics.public", func(p *Patient) { p.Settings.Metrics.Listen = ":9464" }, Warn, "no sign-in"},
		{"metrics.public", func(p *Patient) { p.Settings.Metrics.Listen = "10.0.0.1:9464" }, "", ""},
		{"web.url", func(p *Patient) { p.Settings.Web = config.Web{Listen: "0.0.0.0:8080", URL: "http://localhost:8080"} }, Fail, "in the clear"},
		{"web.url", func(p *Patient) { p.Settings.Web = config.Web{Listen: "0.0.0.0:8080", URL: "https://gate.example"} }, Warn, "without TLS"},
		{"web.url", func(p *Patient) { p.Settings.Web = config.Web{Listen: "127.0.0.1:8080", URL: "https://gate.example"} }, "", ""},
	} {
		p := sound()
		if level, says := found(t, p, c.id); level != "" {
			t.Errorf("%s of a sound one: %s %s", c.id, level, says)
		}
		c.change(p)
		if level, says := found(t, p, c.id); level != c.level || !strings.Contains(says, c.says) {
			t.Errorf("%s: %q %q, want %q", c.id, level, says, c.says)
		}
	}
}

func aTarget(what string, level check.Level) func(*Patient) {
	return func(p *Patient) {
		p.Targets = []check.Report{{Target: "web-1", Reached: true, Findings: []check.Finding{{Login: "deploy", What: what, Level: level, Says: "a word"}}}}
	}
}

// TestLooseProcess: a real process that is not confined, and may have few files open, is found out by what the kernel says of it.
func TestLooseProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "ulimit -n 512; echo; exec sleep 600")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p := sound()
	p.Processes = map[string]int{"door": cmd.Process.Pid}
	if level, says := found(t, p, "limits.nofile"); level != Fail || !strings.Contains(says, "may have 512 files open") {
		t.Errorf("%s %s", level, says)
	}
	p.Settings.Users.Door = uint32(os.Geteuid())
	if level, says := found(t, p, "service.confined"); level != Fail || !regexp.MustCompile("the door (has capabilities|could gain privileges)").MatchString(says) {
		t.Errorf("%s %s", level, says)
	}
}

// TestIDs: an id is one check's, and what others wrote into a finding cannot drive a terminal.
func TestIDs(t *testing.T) {
	form, seen := regexp.MustCompile(`^[a-z]+\.[a-z-]+$`), map[string]bool{}
	for _, id := range append(IDs(), ClientIDs()...) {
		if !form.MatchString(id) || seen[id] {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
	if len(seen) < 30 {
		t.Errorf("%d checks", len(seen))
	}
	p := sound()
	p.ConfigErr = errors.New("\x1b]0;x\a" + strings.Repeat("x", 10_000))
	r := Examine(t.Context(), p, func(string) bool { return true })
	if len(r) != 1 || len(r[0].Findings[0].Says) > 2*maxSays || strings.ContainsRune(r[0].Findings[0].Says, 0x1b) {
		t.Errorf("%d results: %q", len(r), r[0].Findings)
	}
}

// TestDocsNameEveryID: docs/operations.md has a row for each check.
func TestDocsNameEveryID(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append(IDs(), ClientIDs()...) {
		if !bytes.Contains(text, []byte("| `"+id+"` | ")) {
			t.Errorf("docs/operations.md has no row for %s", id)
		}
	}
}
