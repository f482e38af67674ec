package main

import (
	"fmt"
	"io"
	"net/http"
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
	otel     *testsink.OTLP
}

const exportPolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  oncall: {rights: [view, operate]}
  operator: {targets: ["*"], logins: [deploy], allow: ["echo <text>..."]}
`

func newExporting(t *testing.T) *exporting {
	t.Helper()
	out := filepath.Join(openFolder(t), "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(out, 61001, 61001); err != nil {
		t.Fatal(err)
	}
	x := &exporting{t: t, file: filepath.Join(out, "audit.ndjson"), tcp: testsink.NewRsyslog(t, false), tls: testsink.NewRsyslog(t, true)}
	x.tcp.Up()
	x.tls.Up()
	x.otel = testsink.NewOTLP(t, nil)
	x.start(fmt.Sprintf("- {name: local, file: {path: %q}}\n- {name: tcp, syslog: {address: %q}}\n- {name: tls, syslog: {address: %q, tls: {ca: %q}}}\n- {name: otel, otlp: {url: %q}}\n",
		x.file, x.tcp.Address(), x.tls.Address(), filepath.Join(x.tls.Dir, "ca.pem"), x.otel.URL()))
	return x
}

// start starts a gate with these sinks, and an agent.
func (x *exporting) start(sinks string) {
	x.t.Helper()
	root := openFolder(x.t)
	dir := filepath.Join(root, "gate")
	if err := os.Mkdir(dir, 0o755); err != nil {
		x.t.Fatal(err)
	}
	gate, err := testgate.Start(x.t.Context(), testgate.Config{Dir: dir, Binary: build(x.t, root), Policy: exportPolicy, More: "export:\n" + sinks,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2001}}}}})
	if err != nil {
		x.t.Fatal(err)
	}
	x.gate = gate
	x.t.Cleanup(func() {
		if x.t.Failed() {
			log := gate.Log()
			x.t.Log(strings.Join(log[max(0, len(log)-60):], "\n"))
		}
		if err := gate.Close(); err != nil {
			x.t.Error(err)
		}
	})
	if _, err := gate.Enrol(x.t.Context(), "agent", "bot", "--ttl", "15m"); err != nil {
		x.t.Fatal(err)
	}
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
	x.trace()
	x.tcp.Down(syscall.SIGTERM)
	x.work(5)
	x.tls.Down(syscall.SIGKILL)
	x.otel.Down()
	x.tcp.Up()
	x.work(5)
	x.otel.Up()
	x.kill()
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
	x.complete("otel", func() *testsink.Seqs { return &x.otel.Seqs })
	x.again()
}

// TestExportCollector: the collector's own program has every entry and every span, though it was stopped and killed in the middle,
// and though the service was. The short run has TestExport's small receiver.
func TestExportCollector(t *testing.T) {
	if testing.Short() {
		return
	}
	x := &exporting{t: t}
	c := testsink.NewCollector(t, filepath.Join("..", ".."))
	c.Up()
	x.start(fmt.Sprintf("- {name: otel, otlp: {url: %q}}\n", c.URL()))
	x.work(5)
	c.Down(syscall.SIGKILL)
	x.work(5)
	x.kill()
	x.work(5)
	c.Up()
	x.work(5)
	c.Down(syscall.SIGTERM)
	c.Up()
	x.work(1)
	x.complete("the collector", func() *testsink.Seqs { got, _ := c.Read(); return got })
	if _, spans := c.Read(); spans["session"] < 16 || spans["decision"] < spans["session"] || spans["command"] < 16 || spans["certificate"] < 16 {
		t.Errorf("spans %v", spans)
	}
}

// kill ends both processes by kill -9 and starts the service again.
func (x *exporting) kill() {
	x.t.Helper()
	for _, name := range []string{"decider", "door"} {
		if pid := x.gate.PID(name); pid > 0 { // the door may have gone with the decider
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = x.gate.Await() // it says that it was killed
	if err := x.gate.Serve(); err != nil {
		x.t.Fatal(err)
	}
}

// trace runs a command in a trace of the agent's own, which becomes the link of the session's.
func (x *exporting) trace() {
	x.t.Helper()
	r, err := x.gate.SSH(x.t.Context(), "bot", nil, "-o", "SetEnv=TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "deploy@web-1@gatehouse", "echo traced")
	if err != nil || r.Status != 0 || r.Stdout != "traced\n" {
		x.t.Fatalf("%+v, %v", r, err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, s := range x.otel.Spans()["session"] {
			if len(s.Links) == 1 && fmt.Sprintf("%x", s.Links[0].TraceId) == "4bf92f3577b34da6a3ce929d0e0e4736" {
				return
			}
		}
		if time.Now().After(end) {
			x.t.Fatalf("no session has the link: %v", x.otel.Spans())
		}
	}
}

// again makes one sink go on from the start, while the service runs.
func (x *exporting) again() {
	x.t.Helper()
	size := x.size()
	r, err := x.gate.Run(x.t.Context(), "audit", "export", "--config", x.gate.Path, "--sink", "local", "--from", "start")
	if err != nil || r.Status != 0 || !strings.Contains(r.Stdout, "local goes on from entry 0") {
		x.t.Fatalf("%+v, %v", r, err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if twice, err := x.readFile().Complete(size); err == nil && int64(twice) == size {
			break
		}
		if time.Now().After(end) {
			x.t.Fatal("the entries were not written again")
		}
	}
	answer, err := http.Get(x.gate.Metrics)
	if err != nil {
		x.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, want := range []string{`gatehouse_export_up{sink="otel"} 1`, `gatehouse_export_lost_total{sink="tls"} 0`, `gatehouse_export_lag_entries{sink="local"} 0`, `gatehouse_audit_entries_total{outcome="moved",type="export"} 1`} {
		if !strings.Contains(string(text), want) {
			x.t.Errorf("the numbers do not say %s:\n%s", want, text)
		}
	}
	r, err = x.gate.Run(x.t.Context(), "audit", "export", "--config", x.gate.Path, "--sink", "nowhere", "--from", "start")
	if err != nil || r.Status == 0 || !strings.Contains(r.Stderr, "there are local, tcp, tls, otel") {
		x.t.Errorf("%+v, %v", r, err)
	}
}
