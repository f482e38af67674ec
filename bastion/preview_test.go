package bastion

import (
	"bytes"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/approval"
	"gatehouse/internal/console"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// approving is a whole whose people approve: ben, with a key of ssh-keygen's.
type approving struct {
	*whole
	door protocol.Door
	ben  console.Credential
	bot  ssh.Signer
}

const approvedPolicy = `version: 1
people:
  ann: {roles: [oncall]}
  ben: {roles: [oncall], approval_keys: [%q]}
groups: {sre: [person:ben]}
agents:
  bot: {owner: person:ann, roles: [operator]}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: [web-1]
    logins: [deploy]
    dirs: ["/home/deploy"]
    files: {read: ["/home/deploy/**"], write: ["/home/deploy/**"]}
    allow: [{run: "echo <text>...", stdin: pipe}]
    ask:
      - {run: "sh <path:/home/deploy/**>", from: [sre], wait: 30s}
      - {run: "tee <path:/home/deploy/**>", from: [sre], stdin: data, wait: 30s}
      - {run: "rm -r <path:/home/deploy/**>...", from: [sre], wait: 30s}
`

func newApproving(t *testing.T) *approving {
	t.Helper()
	return newApprovingWith(t, func(g Gate) Gate { return g })
}

func newApprovingWith(t *testing.T, gate func(Gate) Gate, more ...func(*Config)) *approving {
	t.Helper()
	a := &approving{}
	a.whole = newWholeWith(t, func(cfg *Config) {
		a.door = cfg.Gate.(protocol.Door)
		cfg.Gate = gate(a.door)
		for _, set := range more {
			set(cfg)
		}
	})
	a.keygen("-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(a.dir, "ben"))
	public, err := os.ReadFile(filepath.Join(a.dir, "ben.pub"))
	a.must(err)
	a.write("policy.yaml", fmt.Sprintf(approvedPolicy, strings.TrimSpace(string(public))))
	out, err := a.decider.Reload(t.Context())
	a.must(err)
	if out.Problem != "" {
		t.Fatal(out.Problem)
	}
	a.bot = a.certify(policy.Agent, "bot", 10*time.Minute)
	a.client("console", a.certify(policy.Person, "ben", 10*time.Minute))
	a.ben = console.Credential{Connection: a.connection("ben")}
	return a
}

func (a *approving) keygen(args ...string) {
	a.t.Helper()
	if out, err := osexec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		a.t.Fatalf("ssh-keygen %q: %v: %s", args, err, out)
	}
}

// connection is that of a person.
func (a *approving) connection(name string) string {
	a.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		a.server.mu.Lock()
		for id, c := range a.server.conns {
			if c.identity.Name == name {
				a.server.mu.Unlock()
				return id
			}
		}
		a.server.mu.Unlock()
	}
	a.t.Fatalf("%s is not connected", name)
	return ""
}

// approve is ben's yes.
func (a *approving) approve(request string) {
	a.t.Helper()
	ctx := a.t.Context()
	c, err := a.door.Challenge(ctx, a.ben, request, nil, string(access.SSHProof))
	a.must(err)
	text := filepath.Join(a.dir, "text")
	a.must(os.WriteFile(text, []byte(c.Text), 0o600))
	_ = os.Remove(text + ".sig")
	a.keygen("-q", "-Y", "sign", "-n", c.Space, "-f", filepath.Join(a.dir, "ben"), text)
	sig, err := os.ReadFile(text + ".sig")
	a.must(err)
	_, err = a.door.Answer(ctx, a.ben, console.AccessAnswer{Request: request, Yes: true, Challenge: c.ID, Signature: string(sig)})
	a.must(err)
}

// pending is the newest request that waits, as ben sees it, once it has a preview if one is wanted.
func (a *approving) pending(preview bool) console.AccessView {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		list, _, err := a.door.Requests(a.t.Context(), a.ben, console.AccessFilter{State: access.Pending})
		a.must(err)
		if len(list) == 0 {
			continue
		}
		v, err := a.door.Request(a.t.Context(), a.ben, list[0].ID)
		a.must(err)
		if v.Preview != nil || !preview {
			return v
		}
	}
	a.t.Fatal("nobody waits, or there is no preview")
	return console.AccessView{}
}

// root changes the target.
func (a *approving) root(script string) {
	a.t.Helper()
	r, err := a.host.Root(a.t.Context(), "set -e\n"+script)
	if err != nil || r.Status != 0 {
		a.t.Fatalf("%s: %v, %s", script, err, r.Stderr)
	}
}

// atOnce runs a line without waiting for people, and returns the request that is pending by then.
func (a *approving) atOnce(line string) access.Request {
	a.t.Helper()
	c := a.client("deploy@web-1", a.bot)
	s, err := c.NewSession()
	a.must(err)
	defer s.Close()
	a.must(s.Setenv("GATEHOUSE_WAIT", "0"))
	if out, _ := s.CombinedOutput(line); !strings.Contains(string(out), "approval_pending") {
		a.t.Fatalf("%s: %s", line, out)
	}
	return a.pending(false).Request
}

const script = "install -d -o deploy /home/deploy/bin; printf 'echo good\\n' >/home/deploy/bin/run.sh; printf 'echo bad\\n' >/home/deploy/bin/other.sh; chown -R deploy /home/deploy/bin; ln -sfn run.sh /home/deploy/bin/link.sh"

// TestAnApprovalIsBoundToFiles: what was approved runs as long as every file that it names is what it was, to the byte and to the link;
// otherwise people are asked again, and told which one has changed.
func TestAnApprovalIsBoundToFiles(t *testing.T) {
	a := newApproving(t)
	for name, c := range map[string]struct{ line, change, path string }{
		"nothing":          {"sh /home/deploy/bin/run.sh", "true", ""},
		"one byte":         {"sh /home/deploy/bin/run.sh", "printf 'echo goof\\n' >/home/deploy/bin/run.sh", "/home/deploy/bin/run.sh"},
		"a link":           {"sh /home/deploy/bin/link.sh", "ln -sfn other.sh /home/deploy/bin/link.sh", "/home/deploy/bin/link.sh"},
		"a link, the same": {"sh /home/deploy/bin/link.sh", "cp /home/deploy/bin/run.sh /home/deploy/bin/same.sh; ln -sfn same.sh /home/deploy/bin/link.sh", "/home/deploy/bin/link.sh"},
		"a file is gone":   {"sh /home/deploy/bin/run.sh", "rm /home/deploy/bin/run.sh", "/home/deploy/bin/run.sh"},
		"a file is there":  {"sh /home/deploy/bin/new.sh", "echo echo new >/home/deploy/bin/new.sh", "/home/deploy/bin/new.sh"},
	} {
		good := t.Run(name, func(t *testing.T) {
			a.t = t
			a.root("rm -rf /home/deploy/bin; " + script + "; echo '# " + name + "' >>/home/deploy/bin/run.sh") // no grant of another case's is for it
			agent := a.client("deploy@web-1", a.bot)
			// While it waits: approved, and the file is another by then.
			w := a.wait(agent, c.line, nil)
			first := a.pending(false)
			a.root(c.change)
			a.approve(first.Request.ID)
			if c.path == "" {
				w.ends(t, 0, "APPROVED")
				if w.out.String() != "good\n" {
					t.Errorf("it printed %q", w.out.String())
				}
				a.proves(first.Request.ID)
				return
			}
			w.heard(t, c.path+`" has changed since people were asked`)
			again := a.pending(false)
			if again.Request.ID == first.Request.ID || again.Hash == first.Hash {
				t.Errorf("the same request: %s", again.Request.ID)
			}
			_, err := a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: again.Request.ID, Words: "no more"})
			a.must(err)
			w.ends(t, 126, "approval_declined")
			// After it was approved, and nobody waited: it is not what was approved.
			a.root("rm -rf /home/deploy/bin; " + script + "; echo '# " + name + " again' >>/home/deploy/bin/run.sh")
			pending := a.atOnce(c.line)
			a.approve(pending.ID)
			a.root(c.change)
			if next := a.atOnce(c.line); next.ID == pending.ID {
				t.Errorf("it waits for the same request")
			} else {
				_, err := a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: next.ID, Words: "no more"})
				a.must(err)
			}
		})
		if !good { // each would wait for what does not come
			return
		}
	}
}

// proves makes a bundle of what became of a request, and judges it with nothing else at hand.
func (a *approving) proves(request string) {
	a.t.Helper()
	dir := filepath.Join(a.dir, "decider")
	key, err := os.ReadFile(filepath.Join(decider.LogDir(dir), audit.VerifierFile))
	a.must(err)
	var out bytes.Buffer
	_, err = audit.Prove(a.t.Context(), &out, audit.ProveOptions{LogDir: decider.LogDir(dir), PolicyDir: decider.PolicyDir(dir), VerifierKey: strings.TrimSpace(string(key)), Session: request})
	a.must(err)
	report, err := audit.VerifyBundle(a.t.Context(), &out, audit.BundleOptions{VerifierKey: strings.TrimSpace(string(key)), Keep: approval.Keep})
	a.must(err)
	if report.Bad != nil {
		a.t.Fatal(report.Bad)
	}
	list, findings := approval.Check(report.Kept, report.Policies)
	if len(findings) > 0 || len(list) != 1 || len(list[0].Approvers) != 1 || list[0].Approvers[0].Person != "ben" || len(list[0].Ran) != 1 {
		a.t.Errorf("%+v, %q", list, findings)
	}
}

// TestWhatIsNotBoundIsSaid: a file that is too large is named in what is approved, with why it is not bound.
func TestWhatIsNotBoundIsSaid(t *testing.T) {
	a := newApproving(t)
	a.root(script + "; truncate -s 17M /home/deploy/bin/big.sh")
	w := a.wait(a.client("deploy@web-1", a.bot), "sh /home/deploy/bin/big.sh", nil)
	v := a.pending(true)
	if !strings.Contains(v.Text, "/home/deploy/bin/big.sh") || !strings.Contains(v.Text, "it is larger than 16 MiB") {
		t.Errorf("the text is %s", v.Text)
	}
	for _, f := range v.Request.Scope.Command.Files {
		if f.Path == "/home/deploy/bin/big.sh" && (f.Bound() || f.Size != 17<<20) {
			t.Errorf("%+v", f)
		}
	}
	for _, f := range v.Preview.Files {
		if f.Path == "/home/deploy/bin/big.sh" && f.Why != "it is larger than 16 MiB" {
			t.Errorf("%+v", f)
		}
	}
	_, err := a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: v.Request.ID, Words: "too much"})
	a.must(err)
	w.ends(t, 126, "too much")
}

// TestApproversSeeWhatItIsAbout: the difference, the file, what was printed before, with secrets masked; each look is in the log, with
// its purpose, and was by certificates that can only read.
func TestApproversSeeWhatItIsAbout(t *testing.T) {
	a := newApproving(t)
	a.root(script + "; printf 'one\\npassword=hunter2hunter2\\n' >/home/deploy/app.conf; chown deploy /home/deploy/app.conf; mkdir -p /home/deploy/old/a; echo x >/home/deploy/old/a/b")
	agent := a.client("deploy@web-1", a.bot)
	if out, errs, status := exec(agent, "echo printed before"); status != 0 {
		t.Fatal(out, errs)
	}
	a.session("echo printed before", store.Ended)
	w := a.wait(agent, "echo two | tee /home/deploy/app.conf", nil)
	v := a.pending(true)
	files := v.Preview.Files
	if len(files) == 0 || files[0].Path != "/home/deploy/app.conf" || !files[0].Changes || files[0].Size != 28 || files[0].Mode != "-rw-r--r--" || len(files[0].SHA256) != 64 || files[0].Changed.IsZero() {
		t.Fatalf("%+v, %q", files, v.Preview.Notes)
	}
	if d := files[0].Diff; !strings.Contains(d, "\n-one\n") || !strings.Contains(d, "\n+two\n") || strings.Contains(d, "hunter2") || !strings.Contains(strings.Join(v.Preview.Notes, " "), "masked") {
		t.Errorf("%s, %q", d, v.Preview.Notes)
	}
	if len(v.Preview.Screen) != 1 || v.Preview.Screen[0] != "printed before" {
		t.Errorf("the screen was %q", v.Preview.Screen)
	}
	_, err := a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: v.Request.ID, Words: "no"})
	a.must(err)
	w.ends(t, 126, "approval_declined")

	w = a.wait(agent, "rm -r /home/deploy/old", nil)
	if v := a.pending(true); len(v.Preview.Files) == 0 || v.Preview.Files[0].Path != "/home/deploy/old" || v.Preview.Files[0].Entries != 2 || v.Preview.Files[0].Size != 2 {
		t.Errorf("%+v, %q", v.Preview.Files, v.Preview.Notes)
	} else {
		_, err := a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: v.Request.ID, Words: "no"})
		a.must(err)
	}
	w.ends(t, 126, "approval_declined")

	looks := a.looks()
	for request, purpose := range map[string]string{v.Request.ID: "preview", "": "approval"} {
		if n := looks[request+" "+purpose]; n == 0 {
			t.Errorf("no look for %s is in the log: %v", purpose, looks)
		}
	}
}

// looks counts the looks in the log by their object and purpose.
func (a *approving) looks() map[string]int {
	a.t.Helper()
	found := map[string]int{}
	err := audit.Tail(decider.LogDir(filepath.Join(a.dir, "decider")), time.Time{}, []byte(`"target.look"`), 64<<20, func(e audit.Entry) error {
		for _, purpose := range []string{"preview", "approval"} {
			if strings.Contains(string(e.Data), `"purpose":"`+purpose+`"`) {
				found[e.Object+" "+purpose]++
			}
		}
		return nil
	})
	a.must(err)
	return found
}

// blind lets nobody look for a preview.
type blind struct{ Gate }

func (b blind) Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	if in.Preview != "" {
		return protocol.Decided{}, &protocol.Error{Code: protocol.CodeRefused, Msg: "not today"}
	}
	return b.Gate.Decide(ctx, in)
}

// TestPreviewWithoutALook: nothing is looked at but as the decider permits, which is said, and holds up no decision.
func TestPreviewWithoutALook(t *testing.T) {
	a := newApprovingWith(t, func(g Gate) Gate { return blind{g} })
	a.root(script)
	w := a.wait(a.client("deploy@web-1", a.bot), "sh /home/deploy/bin/run.sh", nil)
	v := a.pending(true)
	if len(v.Preview.Files) > 0 || !strings.Contains(strings.Join(v.Preview.Notes, "; "), "the target was not looked at: not today") {
		t.Errorf("%+v", v.Preview)
	}
	a.approve(v.Request.ID)
	w.ends(t, 0, "APPROVED")
	if n := a.looks(); n[v.Request.ID+" preview"] != 0 {
		t.Errorf("looks: %v", n)
	}
}

// TestLastLines: twenty at most, none of them empty at the end or longer than a line, nothing in them that deceives.
func TestLastLines(t *testing.T) {
	var screen []string
	for i := range 30 {
		screen = append(screen, fmt.Sprintf("line %d   ", i))
	}
	got := lastLines(append(screen, "", "   "))
	if len(got) != 20 || got[0] != "line 10" || got[19] != "line 29" {
		t.Errorf("%q", got)
	}
	if got := lastLines([]string{strings.Repeat("é", 300), "a\u202eb", ""}); len([]rune(got[0])) != screenWidth || got[1] != `a\u{202e}b` || len(got) != 2 {
		t.Errorf("%q", got)
	}
	if got := lastLines([]string{"", " "}); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestALongRecordingIsNotRead: what would take too long is not shown.
func TestALongRecordingIsNotRead(t *testing.T) {
	events := func(yield func(recorder.Event, error) bool) {
		for range 10 {
			if !yield(recorder.Event{Code: recorder.Output, Data: make([]byte, 10)}, nil) {
				return
			}
		}
	}
	n := 0
	for _, err := range bounded(t.Context(), events, 45) {
		if n++; err != nil {
			if n != 5 || err != errLong {
				t.Errorf("event %d: %v", n, err)
			}
			return
		}
	}
	t.Error("all of it was read")
}
