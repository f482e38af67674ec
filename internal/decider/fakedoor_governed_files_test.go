package decider

import (
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
)

// governedFiles begins a governed shell's transfer.
func (b *bench) governedFiles(shell protocol.Decide) protocol.Decided {
	b.t.Helper()
	got, err := b.door.Transfer(b.t.Context(), b.filesOf(shell))
	if err != nil || got.Decision.Verdict != policy.Allow {
		b.t.Fatalf("%+v, %v", got, err)
	}
	return got
}

func (b *bench) filesOf(shell protocol.Decide) protocol.Transfer {
	key, _ := newKey(b.t)
	return protocol.Transfer{Connection: shell.Connection, Session: shell.Session, Target: shell.Target, Login: shell.Login, By: policy.SFTP, PublicKey: key.Marshal(), Governed: true}
}

// TestGovernedFiles: a governed shell's files are carried by the target's SFTP server alone, as its roles say, in the shell's own session.
func TestGovernedFiles(t *testing.T) {
	b := newGovernedBench(t)
	for name, write := range map[string]bool{"bot": true, "reader": false} {
		shell := b.shell(b.connect(policy.Agent, name))
		ask := func(op policy.FileOp, path string) (protocol.FileAnswer, error) {
			return b.door.File(t.Context(), protocol.File{Session: shell.Session, Op: op, Path: []byte(path), Asked: []byte(path), Kind: policy.PathFile})
		}
		if got, err := ask(policy.OpRead, "/srv/in/a"); err == nil {
			t.Errorf("%s, without a transfer: %+v", name, got)
		}
		cert := parseCert(t, b.governedFiles(shell).Certificate)
		if cert.CriticalOptions["force-command"] != readonly.Transfer(write) || len(cert.Extensions) != 0 || cert.ValidPrincipals[0] != "gh:web-1:deploy" {
			t.Errorf("%s: forces %q", name, cert.CriticalOptions)
		}
		read, err := ask(policy.OpRead, "/srv/in/a")
		if err != nil || !read.Allowed {
			t.Fatalf("%s: %+v, %v", name, read, err)
		}
		if got, err := ask(policy.OpWrite, "/srv/in/a"); err != nil || got.Allowed != write {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got, err := ask(policy.OpRead, "/etc/passwd"); err != nil || got.Allowed {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		b.must(b.door.FileEnd(t.Context(), protocol.FileEnd{Session: shell.Session, ID: read.ID, Path: []byte("/srv/in/a"), Direction: "read", Size: 1, Result: "whole"}))
		b.governedFiles(shell) // the first one broke
		b.d.mu.RLock()
		if s := b.d.sessions[shell.Session]; len(s.shell.files.open) != 0 || int64(len(b.d.sessions)) != b.d.holding["agent:bot"]+b.d.holding["agent:reader"] {
			t.Errorf("%s: %d files are open", name, len(s.shell.files.open))
		}
		b.d.mu.RUnlock()
		if got, err := ask(policy.OpRead, "/srv/in/a"); err != nil || !got.Allowed {
			t.Errorf("%s, again: %+v, %v", name, got, err)
		}
		b.must(b.door.End(t.Context(), protocol.End{Session: shell.Session, State: "ended"}))
		if got, err := ask(policy.OpRead, "/srv/in/a"); err == nil {
			t.Errorf("%s, after the end: %+v", name, got)
		}
	}
}

// TestFakeDoorGovernedFiles: no transfer for a session that is no live governed shell of that connection, target and login, nor by another
// protocol.
func TestFakeDoorGovernedFiles(t *testing.T) {
	b := newGovernedBench(t)
	conn, stranger := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "other")
	shell, theirs := b.shell(conn), b.shell(stranger)
	plain := b.question(conn, "echo", "x")
	if _, err := b.door.Decide(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*protocol.Transfer){
		"somebody else's":     func(in *protocol.Transfer) { in.Session = theirs.Session },
		"another connection":  func(in *protocol.Transfer) { in.Connection = stranger },
		"no session":          func(in *protocol.Transfer) { in.Session = b.id(id.Session) },
		"no governed session": func(in *protocol.Transfer) { in.Session = plain.Session },
		"another target":      func(in *protocol.Transfer) { in.Target = "web-2" },
		"another login":       func(in *protocol.Transfer) { in.Login = "root" },
		"scp":                 func(in *protocol.Transfer) { in.By = policy.SCP },
		"a line":              func(in *protocol.Transfer) { in.Line = "scp -f /srv/in/a" },
		"not as its own":      func(in *protocol.Transfer) { in.Governed = false },
	} {
		in := b.filesOf(shell)
		change(&in)
		if got, err := b.door.Transfer(t.Context(), in); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, session := range []string{shell.Session, plain.Session, theirs.Session} {
		in := protocol.File{Session: session, Op: policy.OpRead, Path: []byte("/srv/in/a"), Asked: []byte("/srv/in/a"), Kind: policy.PathFile}
		if got, err := b.door.File(t.Context(), in); err == nil {
			t.Errorf("a file without a transfer: %+v", got)
		}
	}
}
