package decider

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

const accessPolicy = `version: 1
groups: {sre: [person:vic, person:uma, person:sam], web: [person:ann, person:vic]}
people:
  ann: {roles: [oncall]}
  vic: {approval_keys: [%q]}
  uma: {approval_keys: [%q]}
  sam: {}
  nan: {roles: [viewer]}
agents: {bot: {owner: person:ann, roles: [operator]}, other: {owner: person:nan, roles: [operator]}, webbot: {owner: group:web, roles: [operator]}}
roles:
  oncall:
    rights: [view, operate]
    break_glass: [{role: writer, for: 30m, review: {approvals: 2, from: [sre]}}]
  viewer: {rights: [view]}
  operator:
    targets: [web-1]
    logins: [deploy]
    env: [LANG]
    allow: ["echo <text>..."]
    ask:
      - {run: "printf <text>...", from: [sre], within: 15m, wait: 5m, for: 10m}
      - {run: "id", approvals: 2, from: [sre], within: 15m, wait: 0s, for: 10m, uses: 3}
      - {run: "top", from: [sre], approve_by: ssh, heartbeat: 30s}
    request: [{role: writer, from: [sre], for: 30m}]
  writer:
    targets: [web-1, web-2]
    logins: [deploy]
    recording: best_effort
    allow: ["tee <text>..."]
    files: {write: ["/srv/**"], read: ["/srv/**"]}
    forward: ["db-1:5432"]
`

// people are a bench with approvers: vic and uma with passkeys and keys for ssh, sam with a passkey.
type accessBench struct {
	*bench
	keys  map[string]approvalKey
	signs map[string]*authenticator
	in    map[string]console.Credential
}

func newAccessBench(t testing.TB) *accessBench {
	b := &accessBench{bench: newBench(t), keys: map[string]approvalKey{}, signs: map[string]*authenticator{}, in: map[string]console.Credential{}}
	for _, name := range []string{"vic", "uma"} {
		b.keys[name] = newApprovalKey(t)
	}
	b.policy(func(s string) string { return s })
	for _, name := range []string{"vic", "uma", "sam", "ann", "nan"} {
		b.in[name], b.signs[name] = b.person(name)
	}
	return b
}

// policy puts the test's policy in force, changed.
func (b *accessBench) policy(change func(string) string) {
	b.t.Helper()
	b.write("policy.yaml", change(b.text()))
	if r, err := admin[protocol.Reloaded](b.bench, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		b.t.Fatalf("%+v, %v", r, err)
	}
}

// text is the test's policy.
func (b *accessBench) text() string {
	return fmt.Sprintf(accessPolicy, authorized(b.keys["vic"]), authorized(b.keys["uma"]))
}

func authorized(k approvalKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.public)))
}

// restart closes the decider and opens it again: sign-ins and connections are gone, what is stored is not.
func (b *accessBench) restart() {
	b.t.Helper()
	_ = b.door.Close()
	<-b.door.Done()
	b.must(b.d.Close())
	b.open()
	b.connectDoor()
	b.signInAll()
}

// lookedUp is what an honest door finds on web-1: every program of the tests, and no file.
func lookedUp(q protocol.Decide, probes []policy.Probe) policy.Facts {
	f := policy.Facts{Home: "/home/deploy", Programs: foundPrograms("echo", "top", "printf", "id", "tee"), Contents: map[string]policy.FileState{}}
	for name, state := range q.Facts.Contents {
		f.Contents[name] = state
	}
	for _, p := range probes {
		if p.Kind == policy.ProbeContent {
			f.Contents[p.Name] = policy.FileState{Path: p.Name, Missing: true}
		}
	}
	return f
}

// ask asks as an honest door does: it looks at what it is told to look at.
func (b *accessBench) ask(q protocol.Decide) (protocol.Decided, error) {
	b.t.Helper()
	q.Facts = lookedUp(q, nil)
	for range 4 {
		got, err := b.door.Decide(b.t.Context(), q)
		if err != nil || got.Decision.Verdict != policy.Look {
			return got, err
		}
		q.Facts = lookedUp(q, got.Decision.Probes)
	}
	b.t.Fatal("it wants to look without end")
	return protocol.Decided{}, nil
}

// asks asks and wants to be told to wait.
func (b *accessBench) asks(q protocol.Decide) protocol.Waiting {
	b.t.Helper()
	got, err := b.ask(q)
	if err != nil || got.Decision.Verdict != policy.Ask || got.Waiting == nil || got.Certificate != nil || got.Permit != nil || got.Line != "" {
		b.t.Fatalf("%+v %+v, %v", got.Decision, got.Waiting, err)
	}
	return *got.Waiting
}

// runs asks and wants to be let.
func (b *accessBench) runs(q protocol.Decide) protocol.Decided {
	b.t.Helper()
	got, err := b.ask(q)
	if err != nil || got.Decision.Verdict != policy.Allow || got.Certificate == nil {
		b.t.Fatalf("%+v, %v", got.Decision, err)
	}
	return got
}

// approve approves a request by passkey.
func (b *accessBench) approve(person, request string) (access.Request, error) {
	c, err := b.door.Challenge(b.t.Context(), b.in[person], request, nil, "passkey")
	if err != nil {
		return access.Request{}, err
	}
	return b.door.Answer(b.t.Context(), b.in[person], console.AccessAnswer{Request: request, Yes: true, Challenge: c.ID, Assertion: b.signs[person].get(c.Options)})
}

// approved approves and wants that to do.
func (b *accessBench) approved(person, request string) access.Request {
	b.t.Helper()
	r, err := b.approve(person, request)
	b.must(err)
	return r
}

// approveBySSH approves with a signature made by the real ssh-keygen.
func (b *accessBench) approveBySSH(person, request string) (access.Request, error) {
	c, err := b.door.Challenge(b.t.Context(), b.in[person], request, nil, "ssh")
	if err != nil {
		return access.Request{}, err
	}
	return b.door.Answer(b.t.Context(), b.in[person], console.AccessAnswer{Request: request, Yes: true, Challenge: c.ID, Signature: b.keygen(b.keys[person], c.Space, c.Text)})
}

// keygen signs a text with ssh-keygen -Y sign.
func (b *accessBench) keygen(key approvalKey, space, text string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	path := filepath.Join(dir, "key")
	b.must(os.WriteFile(path, key.pem(b.t), 0o600))
	b.must(os.WriteFile(filepath.Join(dir, "text"), []byte(text), 0o600))
	out, err := exec.CommandContext(b.t.Context(), "ssh-keygen", "-q", "-Y", "sign", "-n", space, "-f", path, filepath.Join(dir, "text")).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
	sig, err := os.ReadFile(filepath.Join(dir, "text.sig"))
	b.must(err)
	return string(sig)
}

// approvalKey is a key of a person's own machine.
type approvalKey struct {
	private ed25519.PrivateKey
	public  ssh.PublicKey
}

func newApprovalKey(t testing.TB) approvalKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return approvalKey{private, public}
}

// pem is the private key as OpenSSH keeps it.
func (k approvalKey) pem(t testing.TB) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(k.private, "test")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// about lists the log's entries of a type about an object, or about all.
func (b *accessBench) about(kind audit.Type, object string) (list []audit.Entry) {
	for _, e := range b.entries() {
		if e.Type == kind && (object == "" || e.Object == object) {
			list = append(list, e)
		}
	}
	return list
}

// outcomes are those of such entries, in their order.
func (b *accessBench) outcomes(kind audit.Type, object string) string {
	var list []string
	for _, e := range b.about(kind, object) {
		list = append(list, e.Outcome)
	}
	return strings.Join(list, " ")
}

func dataOf[T any](t testing.TB, e audit.Entry) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(e.Data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// revokedFor waits for the door to be told that a session must end.
func (b *accessBench) revokedFor(session string) string {
	b.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		b.mu.Lock()
		for _, e := range b.revoked {
			for _, name := range e.Sessions {
				if name == session {
					b.mu.Unlock()
					return e.Reason
				}
			}
		}
		b.mu.Unlock()
		select {
		case <-b.told:
		case <-time.After(10 * time.Millisecond):
		}
	}
	b.t.Fatalf("the door was not told that %s must end", session)
	return ""
}

// isForbidden reports whether the decider refused, as the door is told.
func isForbidden(err error) bool {
	var forbidden *console.ForbiddenError
	return errors.As(err, &forbidden)
}
