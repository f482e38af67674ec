package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// exporting is a gate whose audit log goes to everything there is.
type exporting struct {
	t        *testing.T
	gate     *testgate.Gate
	file     string
	tcp, tls *testsink.Rsyslog
}

const exportPolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  oncall: {rights: [view, operate]}
  operator: {targets: ["*"], logins: [deploy], allow: ["echo <text>..."]}
`

func newExporting(t *testing.T) *exporting {
	root := openFolder(t)
	x := &exporting{t: t, tcp: testsink.NewRsyslog(t, false), tls: testsink.NewRsyslog(t, true)}
	dir, out := filepath.Join(root, "gate"), filepath.Join(root, "out")
	for _, d := range []string{dir, out} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(out, 61001, 61001); err != nil {
		t.Fatal(err)
	}
	x.file = filepath.Join(out, "audit.ndjson")
	x.tcp.Up()
	x.tls.Up()
	ca, err := os.ReadFile(filepath.Join(x.tls.Dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	more := fmt.Sprintf("export:\n- {name: local, file: {path: %q}}\n- {name: tcp, syslog: {address: %q}}\n- {name: tls, syslog: {address: %q, tls: {ca: ca.pem}}}\n",
		x.file, x.tcp.Address(), x.tls.Address())
	cfg := testgate.Config{Dir: dir, Binary: build(t, root), Policy: exportPolicy, More: more,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2001}}}}}
	if x.gate, err = testgate.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log := x.gate.Log()
			t.Log(strings.Join(log[max(0, len(log)-60):], "\n"))
		}
		if err := x.gate.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := x.gate.Enrol(t.Context(), "agent", "bot", "--ttl", "15m"); err != nil {
		t.Fatal(err)
	}
	return x
}

// work runs commands; those that the service's end cuts off do not matter.
func (x *exporting) work(n int) {
	for i := range n {
		_, _ = x.gate.SSH(x.t.Context(), "bot", nil, "deploy@web-1@gatehouse", fmt.Sprintf("echo %d", i))
	}
}

// size is how many entries the log has.
func (x *exporting) size() int64 {
	n, err := audit.SizeOf(decider.LogDir(supervisor.DeciderDir(x.gate.Data)))
	if err != nil {
		x.t.Fatal(err)
	}
	return n
}

// complete waits until a receiver has every entry that the log has now.
func (x *exporting) complete(name string, read func() *testsink.Seqs) {
	x.t.Helper()
	size := x.size()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got := read()
		twice, err := got.Complete(size)
		if err == nil {
			x.t.Logf("%s has all %d entries, %d more than once", name, size, twice)
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("%s: %v", name, err)
		}
	}
}

func (x *exporting) readFile() *testsink.Seqs {
	got := &testsink.Seqs{}
	text, err := os.ReadFile(x.file)
	if err != nil {
		return got // not yet
	}
	for line := range strings.Lines(string(text)) {
		e, err := audit.Parse([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			continue // being written
		}
		got.Add(e.Seq)
	}
	return got
}

// TestExport: everything has every entry, though its receiver was stopped and killed in the middle, and though the service was.
func TestExport(t *testing.T) {
	x := newExporting(t)
	x.work(5)
	x.tcp.Down(syscall.SIGTERM)
	x.work(5)
	x.tls.Down(syscall.SIGKILL)
	x.tcp.Up()
	x.work(5)
	_ = syscall.Kill(x.gate.PID("decider"), syscall.SIGKILL)
	_ = syscall.Kill(x.gate.PID("door"), syscall.SIGKILL)
	_ = x.gate.Await() // it says that it was killed
	if err := x.gate.Serve(); err != nil {
		t.Fatal(err)
	}
	x.work(3)
	x.tls.Up()
	x.tcp.Down(syscall.SIGKILL)
	x.tcp.Up()
	if err := x.gate.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := x.gate.Serve(); err != nil {
		t.Fatal(err)
	}
	x.work(3)
	x.complete("file", x.readFile)
	x.complete("tcp", x.tcp.Read)
	x.complete("tls", x.tls.Read)
}
