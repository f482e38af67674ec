package decider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const governedPolicy = `version: 1
people: {ann: {}}
agents:
  bot: {owner: person:ann, roles: [shelly]}
  other: {owner: person:ann, roles: [shelly]}
  reader: {owner: person:ann, roles: [reads]}
  locals: {owner: person:ann, roles: [here]}
roles:
  shelly:
    targets: [web-1, web-2]
    logins: [deploy, root]
    shell: governed
    limits: {sessions: 3}
    files: {read: ["/srv/in/**"], write: ["/srv/in/**"]}
    allow:
      - echo <text>...
      - {id: top, run: top, pty: true}
      - {run: "printf <text>...", mode: pinned, stdin: pipe}
  reads: {targets: [web-1], logins: [deploy], shell: governed, files: {read: ["/srv/in/**"]}}
  here: {targets: [bastion-host], logins: [ops], shell: governed, allow: ["echo <text>..."]}
`

func newGovernedBench(t *testing.T) *bench {
	b := newBench(t)
	b.setPolicy(governedPolicy)
	return b
}

// shell begins a governed shell and returns its question.
func (b *bench) shell(conn string) protocol.Decide {
	b.t.Helper()
	q := b.question(conn)
	q.Plan = policy.Plan{Op: policy.OpShell, Text: "for i in 1 2; do echo $i; done"}
	got, err := b.door.Decide(b.t.Context(), q)
	if err != nil || !got.Decision.Governed() {
		b.t.Fatalf("%+v, %v", got, err)
	}
	return q
}

// step is a command of a governed shell.
func (b *bench) step(shell protocol.Decide, n int64, argv ...string) protocol.Decide {
	q := b.question(shell.Connection, argv...)
	q.Session, q.Step = shell.Session, &policy.Step{N: n, Line: 1, Chain: []string{"bash -c"}}
	return q
}

func (b *bench) allowed(q protocol.Decide) protocol.Decided {
	b.t.Helper()
	got, err := b.door.Decide(b.t.Context(), q)
	if err != nil || got.Decision.Verdict != policy.Allow || len(got.Certificate) == 0 || got.Line == "" {
		b.t.Fatalf("step %d: %+v, %v", q.Step.N, got, err)
	}
	return got
}

// TestGovernedShellGetsNothing: what begins a governed shell, on any target, opens none and runs nothing; its entry is durable.
func TestGovernedShellGetsNothing(t *testing.T) {
	b := newGovernedBench(t)
	local := b.question(b.connect(policy.Agent, "locals"), "reboot")
	local.Target, local.Login = "bastion-host", "ops"
	conn := b.connect(policy.Agent, "bot")
	prompt := b.question(conn)
	prompt.Plan, prompt.PTY = policy.Plan{Op: policy.OpShell}, true
	denied := b.question(conn, "id")
	denied.Text = "bash -c id"
	for name, q := range map[string]protocol.Decide{"local": local, "a prompt": prompt, "a denied plan": denied} {
		before := len(b.entries())
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || !got.Decision.Governed() || got.Line != "" || len(got.Certificate)+len(got.Permit)+len(got.ProbeCertificate)+len(got.ProbePermit) > 0 || got.NeedsKey || got.ID == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		entries := b.entries()[before:]
		if len(entries) != 1 || entries[0].Type != audit.Decision || !strings.Contains(string(entries[0].Data), `"op":"governed"`) {
			t.Errorf("%s: the log has %+v", name, entries)
		}
		b.must(b.door.End(t.Context(), protocol.End{Session: q.Session, State: "ended"}))
	}
	unrecorded := denied
	unrecorded.Session, unrecorded.Unrecorded = b.id(id.Session), true
	if got, err := b.door.Decide(t.Context(), unrecorded); err != nil || got.Fault == "" || b.d.running(unrecorded.Session) {
		t.Errorf("unrecorded: %+v, %v", got, err)
	}
}

// TestFakeDoorSteps: a door gets nothing for a command that is not of a live governed shell of that connection, target and login, for one
// that is not one command, or for a number that was used; and what it got wrong takes nothing from the shell.
func TestFakeDoorSteps(t *testing.T) {
	b := newGovernedBench(t)
	conn, stranger := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "other")
	second := b.connect(policy.Agent, "bot")
	shell, theirs := b.shell(conn), b.shell(stranger)
	plain := b.question(conn, "echo", "x")
	if got, err := b.door.Decide(t.Context(), plain); err != nil || got.Decision.Verdict != policy.Allow {
		t.Fatalf("%+v, %v", got, err)
	}
	over := b.shell(conn)
	b.must(b.door.End(t.Context(), protocol.End{Session: over.Session, State: "ended"}))
	b.allowed(b.step(shell, 2000, "echo", "x"))
	before := len(b.entries())
	for name, change := range map[string]func(*protocol.Decide){
		"somebody else's shell":    func(q *protocol.Decide) { q.Session = theirs.Session },
		"from another connection":  func(q *protocol.Decide) { q.Connection = stranger },
		"from another of its own":  func(q *protocol.Decide) { q.Connection = second },
		"no session":               func(q *protocol.Decide) { q.Session = b.id(id.Session) },
		"no governed session":      func(q *protocol.Decide) { q.Session = plain.Session },
		"a session that has ended": func(q *protocol.Decide) { q.Session = over.Session },
		"another target":           func(q *protocol.Decide) { q.Target = "web-2" },
		"another login":            func(q *protocol.Decide) { q.Login = "root" },
		"a shell":                  func(q *protocol.Decide) { q.Plan = policy.Plan{Op: policy.OpShell, Text: "echo x"} },
		"a prompt":                 func(q *protocol.Decide) { q.Plan = policy.Plan{Op: policy.OpShell} },
		"a governed shell":         func(q *protocol.Decide) { q.Plan = policy.Plan{Op: policy.OpGoverned, Text: "echo x"} },
		"two commands": func(q *protocol.Decide) {
			q.Plan = policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{run("echo", "x"), run("echo", "x")}}
		},
		"words to expand":                func(q *protocol.Decide) { q.Plan.Globs = []int{1} },
		"no command":                     func(q *protocol.Decide) { q.Plan = policy.Plan{} },
		"a number that is none":          func(q *protocol.Decide) { q.Step = &policy.Step{} },
		"a number that was used":         func(q *protocol.Decide) { q.Step = &policy.Step{N: 2000} },
		"a number of long ago":           func(q *protocol.Decide) { q.Step = &policy.Step{N: 2000 - stepWindow} },
		"a chain that is too long":       func(q *protocol.Decide) { q.Step.Chain = make([]string, 65) },
		"its own session, not as a step": func(q *protocol.Decide) { q.Step = nil },
	} {
		q := b.step(shell, 2001, "echo", "x")
		change(&q)
		if got, err := b.door.Decide(t.Context(), q); err == nil || len(got.Certificate)+len(got.Line) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, e := range b.entries()[before:] {
		t.Errorf("the log has %+v", e)
	}
	b.allowed(b.step(shell, 2001, "echo", "x"))
	b.allowed(b.step(shell, 1999, "echo", "x"))
	b.allowed(b.step(theirs, 1, "echo", "x"))
	b.must(b.door.End(t.Context(), protocol.End{Session: shell.Session, State: "ended"}))
	if got, err := b.door.Decide(t.Context(), b.step(shell, 2002, "echo", "x")); err == nil {
		t.Errorf("after its end: %+v", got)
	}
	b.must(b.door.Call(t.Context(), protocol.OpClose, protocol.Close{Connection: stranger}, nil))
	if got, err := b.door.Decide(t.Context(), b.step(theirs, 2, "echo", "x")); err == nil {
		t.Errorf("after its connection: %+v", got)
	}
	if b.d.held != b.d.sessions[plain.Session].size+b.d.sessions[theirs.Session].size {
		t.Errorf("%d bytes are counted as held", b.d.held)
	}
}

// TestSteps: each command of a governed shell is decided, certified and noted by itself; a denial ends nothing and uses its number up.
func TestSteps(t *testing.T) {
	b := newGovernedBench(t)
	shell := b.shell(b.connect(policy.Agent, "bot"))
	got := b.allowed(b.step(shell, 1, "echo", "a b"))
	if cert := parseCert(t, got.Certificate); !strings.Contains(got.Line, "'a b'") || cert.CriticalOptions["force-command"] != "" || cert.ValidPrincipals[0] != "gh:web-1:deploy" {
		t.Errorf("%q, %q", got.Line, cert.CriticalOptions)
	}
	if !strings.Contains(got.Line, shell.Session) {
		t.Errorf("sweeps would not find it: %q", got.Line)
	}
	piped := b.step(shell, 2, "printf", "x")
	piped.Step.Piped = true
	if got := b.allowed(piped); got.Decision.Mode != policy.Pinned || parseCert(t, got.Certificate).CriticalOptions["force-command"] != got.Line {
		t.Errorf("%+v", got.Decision)
	}
	piped = b.step(shell, 3, "echo", "x")
	piped.Step.Piped = true
	denied, err := b.door.Decide(t.Context(), piped)
	if err != nil || denied.Decision.Code != policy.CodeStdinNotAllowed || len(denied.Certificate) > 0 {
		t.Fatalf("%+v, %v", denied, err)
	}
	if again, err := b.door.Decide(t.Context(), b.step(shell, 3, "echo", "x")); err == nil {
		t.Errorf("the number of what was denied: %+v", again)
	}
	for _, c := range []struct {
		n    int64
		argv string
		pty  bool
	}{{4, "echo", false}, {5, "top", true}} {
		q := b.step(shell, c.n, c.argv)
		if !c.pty {
			q.Plan.Argv = append(q.Plan.Argv, "x")
		}
		q.PTY, q.Step.Any = true, true
		got := b.allowed(q)
		if _, pty := parseCert(t, got.Certificate).Extensions["permit-pty"]; got.Decision.PTY != c.pty || pty != c.pty {
			t.Errorf("%s: a terminal is decided: %t, certified: %t", c.argv, got.Decision.PTY, pty)
		}
	}
	last := b.entries()
	for i := len(last) - 1; i >= 0; i-- {
		if e := last[i]; e.Type == audit.Decision {
			if e.Session != shell.Session || !strings.Contains(string(e.Data), `"step":{"n":5,"line":1,"chain":["bash -c"]`) {
				t.Errorf("%s", e.Data)
			}
			break
		}
	}
	if !b.d.running(shell.Session) {
		t.Error("the shell has ended")
	}
}

// TestStepsAreBounded: so many commands run at once and no more, until some have ended.
func TestStepsAreBounded(t *testing.T) {
	b := newGovernedBench(t)
	shell := b.shell(b.connect(policy.Agent, "bot"))
	var ended []int64
	for n := range int64(maxSteps) {
		b.allowed(b.step(shell, n+1, "echo", "x"))
		ended = append(ended, n+1)
	}
	q := b.step(shell, maxSteps+1, "echo", "x")
	if got, err := b.door.Decide(t.Context(), q); code(err) != protocol.CodeRefused {
		t.Fatalf("%+v, %v", got, err)
	}
	q.Ended = append(ended, 7, 4711)
	b.allowed(q)
	b.d.mu.RLock()
	defer b.d.mu.RUnlock()
	if s := b.d.sessions[shell.Session]; len(s.shell.steps) != 1 || s.size != b.d.held {
		t.Errorf("%d commands run, %d bytes of %d", len(s.shell.steps), s.size, b.d.held)
	}
}

// TestStepsGoOnWithTheirSession: a governed shell is one session of its identity, and goes on after its client's certificate has expired,
// as every session does.
func TestStepsGoOnWithTheirSession(t *testing.T) {
	b := newGovernedBench(t)
	conn := b.connect(policy.Agent, "bot")
	shell := b.shell(conn)
	for n := range int64(5) {
		b.allowed(b.step(shell, n+1, "echo", "x"))
	}
	b.shell(conn)
	b.shell(conn)
	q := b.question(conn)
	q.Plan = policy.Plan{Op: policy.OpShell, Text: "x=1"}
	if got, err := b.door.Decide(t.Context(), q); code(err) != protocol.CodeRefused {
		t.Errorf("a fourth session: %+v, %v", got, err)
	}
	b.clock.pass(time.Hour)
	b.allowed(b.step(shell, 6, "echo", "x"))
	if got, err := b.door.Decide(t.Context(), q); err == nil {
		t.Errorf("a session after the certificate: %+v", got)
	}
}

// TestChangesEndGovernedShells: what no longer allows the shell, a command that runs, or its files ends the session; what is about commands
// that have ended does not.
func TestChangesEndGovernedShells(t *testing.T) {
	for claim, c := range map[string]struct {
		old, new string
		release  bool
		ends     bool
	}{
		"nothing":                     {"limits: {sessions: 3}", "limits: {sessions: 4}", false, false},
		"the shell":                   {"    shell: governed\n    limits", "    limits", false, true},
		"a recorded shell in place":   {"    shell: governed\n    limits", "    shell: recorded\n    limits", false, false},
		"a command that runs":         {"      - echo <text>...\n", "", false, true},
		"its terminal":                {"{id: top, run: top, pty: true}", "{id: top, run: top}", false, true},
		"a command that has ended":    {"      - echo <text>...\n", "", true, false},
		"a command that does not run": {"{run: \"printf <text>...\", mode: pinned, stdin: pipe}", "id", false, false},
		"a deny rule":                 {"    allow:\n      - echo", "    deny: [\"echo x\"]\n    allow:\n      - echo", false, true},
		"its files":                   {"files: {read: [\"/srv/in/**\"], write: [\"/srv/in/**\"]}", "files: {read: [\"/srv/in/**\"]}", false, true},
	} {
		t.Run(claim, func(t *testing.T) {
			b := newGovernedBench(t)
			shell := b.shell(b.connect(policy.Agent, "bot"))
			b.allowed(b.step(shell, 1, "echo", "x"))
			q := b.step(shell, 2, "top")
			q.PTY, q.Step.Any = true, true
			if c.release {
				q.Ended = []int64{1}
			}
			b.allowed(q)
			b.governedFiles(shell)
			if !strings.Contains(governedPolicy, c.old) {
				t.Fatal("the policy has not what is changed")
			}
			b.setPolicy(strings.Replace(governedPolicy, c.old, c.new, 1))
			if got := slices.Equal(b.d.disallowed(), []string{shell.Session}); got != c.ends {
				t.Errorf("it ends: %t", got)
			}
		})
	}
}

// TestLocksEndGovernedShells: a lock of the rule by which a command of the shell runs ends the session, and keeps further ones from running;
// a kill of what a rule allows means the session.
func TestLocksEndGovernedShells(t *testing.T) {
	b := newGovernedBench(t)
	shell := b.shell(b.connect(policy.Agent, "bot"))
	q := b.step(shell, 1, "top")
	q.PTY = true
	b.allowed(q)
	if sessions, _ := b.d.meant(subject("rule:shelly/top")); !slices.Equal(sessions, []string{shell.Session}) {
		t.Errorf("the rule means %q", sessions)
	}
	if out := b.lock("rule:shelly/top"); !slices.Contains(out.Sessions, shell.Session) {
		t.Errorf("%+v", out)
	}
	q = b.step(shell, 2, "top")
	q.PTY, q.Ended = true, []int64{1}
	if got, err := b.door.Decide(t.Context(), q); err == nil && got.Decision.Code != policy.CodeLocked {
		t.Errorf("%+v, %v", got.Decision, err)
	}
}
