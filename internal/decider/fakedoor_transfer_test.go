package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const transferPolicy = `version: 1
people: {ann: {}}
agents:
  bot: {owner: person:ann, roles: [carrier]}
  reader: {owner: person:ann, roles: [reads]}
roles:
  carrier: {targets: [web-1], logins: [deploy], files: {read: ["/srv/in/**"], write: ["/srv/in/**"]}, limits: {denials: 3}}
  reads: {targets: [web-1], logins: [deploy], files: {read: ["/srv/in/**", "~/in/*"]}}
`

func newTransferBench(t *testing.T) *bench {
	b := newBench(t)
	b.write("policy.yaml", transferPolicy)
	if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	return b
}

// transfer begins one and returns its session.
func (b *bench) transfer(conn string) (string, protocol.Decided) {
	b.t.Helper()
	key, _ := newKey(b.t)
	in := protocol.Transfer{Connection: conn, Session: id.New(id.Session, b.clock.now()), Target: "web-1", Login: "deploy", By: policy.SFTP, PublicKey: key.Marshal()}
	got, err := b.door.Transfer(b.t.Context(), in)
	if err != nil || got.Decision.Verdict != policy.Allow {
		b.t.Fatalf("%+v, %v", got, err)
	}
	return in.Session, got
}

// TestFakeDoorTransferCertificate: what a transfer gets is the target's SFTP server and nothing else, which cannot write where nothing
// may be written, and never makes links.
func TestFakeDoorTransferCertificate(t *testing.T) {
	b := newTransferBench(t)
	for name, write := range map[string]bool{"bot": true, "reader": false} {
		_, got := b.transfer(b.connect(policy.Agent, name))
		cert := parseCert(t, got.Certificate)
		command := cert.CriticalOptions["force-command"]
		if command != readonly.Transfer(write) || len(cert.Extensions) != 0 || len(cert.ValidPrincipals) != 1 || cert.ValidPrincipals[0] != "gh:web-1:deploy" {
			t.Errorf("%s: forces %q, extensions %q, principals %q", name, command, cert.Extensions, cert.ValidPrincipals)
		}
		if strings.Contains(command, " -R ") == write || strings.Contains(command, ",write") != write || strings.Contains(command, "link,") && strings.Contains(command, "symlink") || strings.Contains(command, "hardlink") {
			t.Errorf("%s: %q", name, command)
		}
	}
}

// TestFakeDoorFiles: a door that asks nonsense gets nothing, and what it says of a name that leads nowhere good is denied whatever policy says.
func TestFakeDoorFiles(t *testing.T) {
	b := newTransferBench(t)
	ses, _ := b.transfer(b.connect(policy.Agent, "bot"))
	ask := func(change func(*protocol.File)) (protocol.FileAnswer, error) {
		in := protocol.File{Session: ses, Op: policy.OpRead, Path: []byte("/srv/in/a"), Asked: []byte("/srv/in/a"), Kind: policy.PathFile}
		change(&in)
		return b.door.File(t.Context(), in)
	}
	good, err := ask(func(*protocol.File) {})
	if err != nil || !good.Allowed || good.ID == "" {
		t.Fatalf("%+v, %v", good, err)
	}
	for name, change := range map[string]func(*protocol.File){
		"no operation":            func(in *protocol.File) { in.Op = "chown" },
		"no session":              func(in *protocol.File) { in.Session = "x" },
		"another session":         func(in *protocol.File) { in.Session = id.New(id.Session, b.clock.now()) },
		"a path that is none":     func(in *protocol.File) { in.Path = []byte("/srv/in/../out") },
		"a relative path":         func(in *protocol.File) { in.Path = []byte("srv/in/a") },
		"a path with NUL":         func(in *protocol.File) { in.Path = []byte("/srv/in/a\x00") },
		"a long path":             func(in *protocol.File) { in.Path = []byte("/srv/in/" + strings.Repeat("a", 9000)) },
		"quiet, to read":          func(in *protocol.File) { in.Quiet = true },
		"names, to read":          func(in *protocol.File) { in.Names = [][]byte{[]byte("a")} },
		"too many names":          func(in *protocol.File) { in.Op, in.Names = policy.OpList, make([][]byte, 513) },
		"a home that is none":     func(in *protocol.File) { in.Home = "../x" },
		"a new name that is none": func(in *protocol.File) { in.Op, in.To = policy.OpRename, []byte("b") },
	} {
		if got, err := ask(change); err == nil || got.Allowed {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	before := len(b.entries())
	if got, err := ask(func(in *protocol.File) { in.Why = "it led elsewhere" }); err != nil || got.Allowed || got.Reason != "/srv/in/a: it led elsewhere" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ask(func(in *protocol.File) { in.Op = policy.OpStat }); err != nil || !got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
	entries := b.entries()
	if len(entries) != before+1 || entries[before].Type != audit.File || entries[before].Outcome != "deny" {
		t.Errorf("the log has %+v", entries[before:])
	}
	for range 3 { // a role's limit of denials holds for files, and not for what a client looks at by itself
		_, _ = ask(func(in *protocol.File) { in.Op, in.Path = policy.OpStat, []byte("/etc") })
		_, _ = ask(func(in *protocol.File) { in.Path, in.Asked = []byte("/etc/x"), []byte("/etc/x") })
	}
	if got, err := ask(func(in *protocol.File) { in.Path, in.Asked = []byte("/etc/x"), []byte("/etc/x") }); err != nil || got.Code != policy.CodeQuota {
		t.Errorf("after the limit: %+v, %v", got, err)
	}
	if got, err := ask(func(*protocol.File) {}); err != nil || got.Allowed || got.Code != policy.CodeQuota {
		t.Errorf("what is allowed, after the limit: %+v, %v", got, err)
	}
	if err := b.door.End(t.Context(), protocol.End{Session: ses, State: "ended"}); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(func(*protocol.File) {}); err == nil {
		t.Errorf("after the session's end: %+v", got)
	}
}

// TestPolicyEndsOpenFiles: a change of policy that no longer allows a file that is open ends its session; one that has been closed does not.
func TestPolicyEndsOpenFiles(t *testing.T) {
	b := newTransferBench(t)
	open, _ := b.transfer(b.connect(policy.Agent, "bot"))
	closed, _ := b.transfer(b.connect(policy.Agent, "bot"))
	for _, ses := range []string{open, closed} {
		a, err := b.door.File(t.Context(), protocol.File{Session: ses, Op: policy.OpRead, Path: []byte("/srv/in/a"), Asked: []byte("/srv/in/a"), Kind: policy.PathFile})
		if err != nil || !a.Allowed {
			t.Fatalf("%+v, %v", a, err)
		}
		if ses == closed {
			if err := b.door.FileEnd(t.Context(), protocol.FileEnd{Session: ses, ID: a.ID, Path: []byte("/srv/in/a"), Direction: "read", Result: "whole"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.write("policy.yaml", strings.ReplaceAll(transferPolicy, `"/srv/in/**"`, `"/srv/in/b/**"`))
	b.reload()
	b.d.mu.RLock()
	defer b.d.mu.RUnlock()
	if b.d.allows(b.d.sessions[open]) {
		t.Error("an open file that is no longer allowed stays open")
	}
	if !b.d.allows(b.d.sessions[closed]) {
		t.Error("a session whose files are closed ends")
	}
}

// TestPolicyEndsWhatItNowHolds: a change of policy that bounds or holds back a file that is open ends its session, for the door has let go
// of what it was to look at.
func TestPolicyEndsWhatItNowHolds(t *testing.T) {
	for _, more := range []string{"max_file: 1KiB", "hold: {secrets: true}"} {
		b := newTransferBench(t)
		ses, _ := b.transfer(b.connect(policy.Agent, "bot"))
		a, err := b.door.File(t.Context(), protocol.File{Session: ses, Op: policy.OpWrite, Path: []byte("/srv/in/a"), Asked: []byte("/srv/in/a"), Kind: policy.PathFile})
		if err != nil || !a.Allowed {
			t.Fatalf("%+v, %v", a, err)
		}
		b.write("policy.yaml", strings.Replace(transferPolicy, `write: ["/srv/in/**"]`, `write: ["/srv/in/**"], `+more, 1))
		b.reload()
		b.d.mu.RLock()
		if b.d.allows(b.d.sessions[ses]) {
			t.Errorf("%s: an open file keeps the limits that it had", more)
		}
		b.d.mu.RUnlock()
	}
}
