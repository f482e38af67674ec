package decider

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestContentsAreLookedAtFirst: nobody is asked about a command before the files that it names are known, the look for them can only
// read and is in the log with its purpose, and what was found is in the decision's entry.
func TestContentsAreLookedAtFirst(t *testing.T) {
	b, conn := obliged(t)
	key, _ := newKey(t)
	q := b.question(conn, "printf", "/srv/a", "x")
	q.ProbeKey, q.Facts.Contents = key.Marshal(), nil
	got, err := b.door.Decide(t.Context(), q)
	b.must(err)
	if got.Decision.Verdict != policy.Look || len(got.Decision.Probes) != 3 || got.ID != "" || got.Certificate != nil || got.Decision.PolicyHash == "" {
		t.Fatalf("without contents: %+v", got)
	}
	if cert := parseCert(t, got.ProbeCertificate); cert.CriticalOptions["force-command"] != readonly.Command(true) || len(cert.Extensions) != 0 {
		t.Errorf("it opens %+v", cert.Permissions)
	}
	if looks := b.looks(); len(looks) != 1 || looks[0].Object != "" || !strings.Contains(string(looks[0].Data), `"purpose":"approval"`) || !strings.Contains(string(looks[0].Data), "/srv/a") {
		t.Errorf("noted: %+v", looks)
	}
	q.Facts.Contents = map[string]policy.FileState{}
	for _, p := range got.Decision.Probes {
		q.Facts.Contents[p.Name] = policy.FileState{Path: p.Name, Missing: true}
	}
	got, err = b.door.Decide(t.Context(), q)
	b.must(err)
	if got.Decision.Verdict != policy.Ask {
		t.Fatalf("with contents: %+v", got.Decision)
	}
	var said struct{ Files []policy.FileState }
	b.must(json.Unmarshal(b.decided(got.ID).Data, &said))
	if len(said.Files) != 2 || said.Files[0].Path != "/srv/a" || said.Files[1].Path != "/usr/bin/printf" {
		t.Errorf("the entry says %+v", said.Files)
	}
}

// TestPreviewIsPermitted: the door may look for a preview of a command about which people are asked, over a certificate that only
// reads, and the log says for which request; for every other command it may not.
func TestPreviewIsPermitted(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	key, _ := newKey(t)
	asks := b.question(conn, "printf", "x")
	request := b.asks(asks).Request.ID
	look := func(spoil func(*protocol.Decide)) (protocol.Decided, error) {
		q := asks
		q.ProbeKey, q.Preview, q.PublicKey = key.Marshal(), request, nil
		spoil(&q)
		return b.door.Decide(t.Context(), q)
	}
	got, err := look(func(*protocol.Decide) {})
	b.must(err)
	cert := parseCert(t, got.ProbeCertificate)
	if got.Decision.Verdict != policy.Look || got.Certificate != nil || got.Permit != nil || got.Line != "" || cert.CriticalOptions["force-command"] != readonly.Command(true) ||
		len(cert.Extensions) != 0 || strings.Join(cert.ValidPrincipals, ",") != "gh:web-1:deploy" {
		t.Errorf("%+v, %+v", got, cert)
	}
	if looks := b.looks(); len(looks) != 1 || looks[0].Object != request || !strings.Contains(string(looks[0].Data), `"purpose":"preview"`) {
		t.Errorf("noted: %+v", looks)
	}
	other := b.connect(policy.Agent, "other")
	for name, spoil := range map[string]func(*protocol.Decide){
		"what is allowed":          func(q *protocol.Decide) { q.Plan = run("echo", "x") },
		"what is denied":           func(q *protocol.Decide) { q.Plan = run("rm", "x") },
		"another command":          func(q *protocol.Decide) { q.Plan = run("printf", "y") },
		"what is not known enough": func(q *protocol.Decide) { q.Facts = policy.Facts{} },
		"no request":               func(q *protocol.Decide) { q.Preview = "ar_x" },
		"another's request":        func(q *protocol.Decide) { q.Connection = other },
		"another target":           func(q *protocol.Decide) { q.Target = "web-2" },
	} {
		if got, err := look(spoil); err == nil || got.ProbeCertificate != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	b.approved("vic", request)
	if got, err := look(func(*protocol.Decide) {}); err == nil || got.ProbeCertificate != nil {
		t.Errorf("once it is decided: %+v", got)
	}
	if len(b.looks()) != 1 {
		t.Errorf("%d looks are noted", len(b.looks()))
	}
}

// TestFakeDoorContents: a door that answers for files that were not asked about, or not for those that were, gets nothing approved to
// run; one that says that they are what they were is believed, which docs/taken-over-door.md says.
func TestFakeDoorContents(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	state := func(path, sum string) policy.FileState {
		return policy.FileState{Path: path, Kind: policy.PathFile, SHA256: strings.Repeat(sum, 32), Size: 1}
	}
	contents := map[string]policy.FileState{"/usr/bin/printf": state("/usr/bin/printf", "ab"), "/srv/a": state("/srv/a", "cd")}
	asks := func(contents map[string]policy.FileState) protocol.Decided {
		t.Helper()
		q := b.question(conn, "printf", "/srv/a")
		q.Facts.Contents = contents
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		return got
	}
	first := asks(contents)
	if first.Waiting == nil || len(first.Waiting.Request.Scope.Command.Files) != 2 {
		t.Fatalf("%+v", first)
	}
	b.approved("vic", first.Waiting.Request.ID)
	for claim, c := range map[string]struct {
		contents map[string]policy.FileState
		verdict  policy.Verdict
	}{
		"none":                      {nil, policy.Look},
		"another's":                 {map[string]policy.FileState{"/usr/bin/printf": contents["/usr/bin/printf"], "/srv/b": contents["/srv/a"]}, policy.Look},
		"another content":           {map[string]policy.FileState{"/usr/bin/printf": contents["/usr/bin/printf"], "/srv/a": state("/srv/a", "ef")}, policy.Ask},
		"another path in its place": {map[string]policy.FileState{"/usr/bin/printf": contents["/usr/bin/printf"], "/srv/a": state("/etc/passwd", "ef")}, policy.Ask},
		"not there":                 {map[string]policy.FileState{"/usr/bin/printf": contents["/usr/bin/printf"], "/srv/a": {Path: "/srv/a", Missing: true}}, policy.Ask},
		"a link now":                {map[string]policy.FileState{"/usr/bin/printf": contents["/usr/bin/printf"], "/srv/a": func() policy.FileState { s := contents["/srv/a"]; s.Real = "/srv/b"; return s }()}, policy.Ask},
		"another program":           {map[string]policy.FileState{"/usr/bin/printf": state("/usr/bin/printf", "00"), "/srv/a": contents["/srv/a"]}, policy.Ask},
	} {
		if got := asks(c.contents); got.Decision.Verdict != c.verdict || got.Certificate != nil {
			t.Errorf("%s: %s", claim, got.Decision.Verdict)
		}
	}
	more := map[string]policy.FileState{"/etc/shadow": state("/etc/shadow", "00")}
	for name, s := range contents {
		more[name] = s
	}
	if got := asks(more); got.Decision.Verdict != policy.Allow || got.Certificate == nil {
		t.Errorf("as it was: %+v", got.Decision)
	}
}

// looks are the log's entries about looks at targets.
func (b *bench) looks() (looks []audit.Entry) {
	for _, e := range b.entries() {
		if e.Type == audit.TargetLook {
			looks = append(looks, e)
		}
	}
	return looks
}

// decided is the entry of a decision.
func (b *bench) decided(id string) audit.Entry {
	b.t.Helper()
	for _, e := range b.entries() {
		if e.Type == audit.Decision && e.Object == id {
			return e
		}
	}
	b.t.Fatalf("no entry of %s", id)
	return audit.Entry{}
}
