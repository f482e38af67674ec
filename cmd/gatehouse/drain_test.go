package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

const drainPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [op]}}
roles: {op: {targets: [web-1], logins: [deploy], allow: ["count <int:1..100000>"]}}
`

// count prints until it is done, and says it at its end.
const count = "#!/bin/sh\nn=0\nwhile [ $n -lt \"$1\" ]; do n=$((n+1)); echo $n; sleep 0.05; done\necho done\n"

// lives is how many sessions are live when the service is told to stop: 50, fewer with -short.
func lives() int {
	if testing.Short() {
		return 8
	}
	return 50
}

// TestDrainUnderLoad: many live sessions, each on a connection of its own, when the service is told to stop. Those that can end
// in time lose no byte; the others hear why; every one has its end in the log, before the last entry, and its recording is whole.
func TestDrainUnderLoad(t *testing.T) {
	root := openFolder(t)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: root, Binary: build(t, root), Policy: drainPolicy, Drain: "12s",
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2001}}, Programs: map[string]string{"count": count}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := g.Enrol(t.Context(), "agent", "bot"); err != nil {
		t.Fatal(err)
	}
	results := make([]testhost.Result, lives())
	var clients sync.WaitGroup
	for i := range results {
		clients.Go(func() {
			n := 80 // four seconds and what the machine adds
			if i%2 == 1 {
				n = 100000
			}
			r, err := g.SSH(context.Background(), "bot", nil, "deploy@web-1@gatehouse", fmt.Sprintf("count %d", n))
			if err != nil {
				t.Error(err)
			}
			results[i] = r
		})
	}
	waitFor(t, func() bool { return len(entriesOf(t, g, "decision")) == len(results) })
	if err := g.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := g.Await(); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	if g.Status() != 0 {
		t.Errorf("the service ended with %d", g.Status())
	}
	for i, r := range results {
		told := strings.Contains(r.Stderr, "gatehouse: Gatehouse is stopping; this session may go on for 12s\n")
		switch {
		case i%2 == 0 && (r.Status != 0 || !strings.HasSuffix(r.Stdout, "\n80\ndone\n") || !told):
			t.Errorf("session %d could have ended: status %d, …%q, %q", i, r.Status, tailOf(r.Stdout), r.Stderr)
		case i%2 == 1 && (r.Status != 137 || !strings.Contains(r.Stderr, "KILLED: Gatehouse is stopping") || !told):
			t.Errorf("session %d was held: status %d, %q", i, r.Status, r.Stderr)
		}
	}
	if n := len(entriesOf(t, g, "session.end")); n != len(results) {
		t.Errorf("%d ends in the log", n)
	}
	if n := len(entriesOf(t, g, "rec.close")); n != len(results) {
		t.Errorf("%d recordings closed in the log", n)
	}
	if last := entriesOf(t, g, ""); last[len(last)-1] != "serve.stop" {
		t.Errorf("the log ends with %s", last[len(last)-1])
	}
	r, err := g.Run(t.Context(), "audit", "verify", "--data", g.Data)
	if err != nil || r.Status != 0 {
		t.Errorf("verify: %v, %s%s", err, r.Stdout, r.Stderr)
	}
}

func tailOf(s string) string { return s[max(len(s)-40, 0):] }

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that")
		}
	}
}

// entriesOf are the types of the log's entries of one type, or of all.
func entriesOf(t *testing.T, g *testgate.Gate, kind string) (types []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(decider.LogDir(supervisor.DeciderDir(g.Data)), "entries"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e struct{ Type string }
		if json.Unmarshal([]byte(line), &e) == nil && (kind == "" || e.Type == kind) {
			types = append(types, e.Type)
		}
	}
	return types
}
