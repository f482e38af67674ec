package approval

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

const (
	requestID = "ar_01KB9Z0000000000000000000A"
	grantID   = "gr_01KB9Z0000000000000000000A"
	sessionID = "ses_01KB9Z0000000000000000000A"
)

// world is an organisation with its people's keys. ben and cat approve by passkey, dan and eve by SSH keys that the policy lists.
type world struct {
	t        *testing.T
	dir      string
	passkeys map[string]*passkey
	policy   *policy.Policy
	kept     []byte
}

// passkey is one in software.
type passkey struct {
	key        *ecdsa.PrivateKey
	credential []byte
}

const orgPolicy = `version: 1
people:
  ann: {}
  ben: {}
  cat: {}
  dan: {approval_keys: ["%s"]}
  eve: {approval_keys: ["%s"]}
groups: {sre: [person:ben, person:cat, person:dan, person:eve, person:ann]}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    ask: [{run: "systemctl restart app", approvals: 2, from: [sre]}]
`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), passkeys: map[string]*passkey{}}
	for _, name := range []string{"ben", "cat", "ann", "mal"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		w.must(err)
		w.passkeys[name] = &passkey{key, []byte("credential of " + name)}
	}
	for _, name := range []string{"dan", "eve", "mal"} {
		w.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(w.dir, name))
	}
	files := []policy.File{{Name: "policy.yaml", Data: []byte(fmt.Sprintf(orgPolicy, w.public("dan"), w.public("eve")))}}
	var err error
	w.policy, err = policy.Parse(files)
	w.must(err)
	w.kept, err = json.Marshal(map[string]any{"hash": w.policy.Hash(), "files": files})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(name string, args ...string) {
	w.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

func (w *world) public(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name+".pub"))
	w.must(err)
	return strings.TrimSpace(string(text))
}

// request is what the bot wants.
func (w *world) request() access.Request {
	return access.Request{ID: requestID, By: access.Requester{Principal: "agent:bot", Owner: "person:ann", Task: "t1"},
		Scope: access.Scope{Kind: access.CommandScope, Targets: []string{"web-1"}, Login: "deploy", Uses: 1, Seconds: 600, Command: w.command()},
		Need:  []policy.Approval{{Approvals: 2, From: []string{"sre"}}}, Rules: []string{"web/ask[0]"}, Policy: w.policy.Hash(), Made: start, Expires: start.Add(15 * time.Minute),
		Barred: []string{"ann"}, Reason: "the <app> & its \u202equeue"}
}

func (w *world) command() *access.Command {
	return &access.Command{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "app"}}, Env: []policy.EnvVar{{Name: "LANG", Value: "C"}}, Stdin: policy.StdinNone, Mode: policy.Pinned,
		Files: []access.FileState{{Path: "/etc/app.conf", Kind: policy.PathFile, SHA256: strings.Repeat("ab", 32), Size: 7}}}
}

// nonce is a fresh one.
func nonce() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

// yes is a person's approval, by passkey or by ssh-keygen.
func (w *world) yes(r access.Request, person string, at time.Duration) access.Vote {
	w.t.Helper()
	v := access.Vote{By: person, Yes: true, At: start.Add(at)}
	if w.passkeys[person] != nil {
		v.Proof = w.assertion(r, person)
	} else {
		v.Proof = w.signature(r, person)
	}
	return v
}

func (w *world) assertion(r access.Request, person string) access.Proof {
	return w.assert(r, person, "https://gate.example", "gate.example", 0x05)
}

func (w *world) assert(r access.Request, person, origin, party string, flags byte) access.Proof {
	w.t.Helper()
	k, n := w.passkeys[person], nonce()
	client, err := json.Marshal(map[string]any{"type": "webauthn.get", "challenge": base64.RawURLEncoding.EncodeToString(r.Challenge(n)), "origin": origin, "crossOrigin": false})
	w.must(err)
	rp := sha256.Sum256([]byte(party))
	data := binary.BigEndian.AppendUint32(append(rp[:], flags), 7)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	w.must(err)
	return access.Proof{Kind: access.PasskeyProof, Nonce: n, Key: k.cose(w.t), Credential: k.credential, AuthenticatorData: data, ClientData: client, Signature: sig}
}

// cose is the public key (RFC 9053, section 7.1).
func (k *passkey) cose(t *testing.T) []byte {
	t.Helper()
	point, err := k.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	mode, err := cbor.CTAP2EncOptions().EncMode() // in one order
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signature is made by the real ssh-keygen, and judged by it.
func (w *world) signature(r access.Request, person string) access.Proof {
	w.t.Helper()
	n := nonce()
	path := filepath.Join(w.dir, "text")
	w.must(os.WriteFile(path, []byte(r.Text(n)), 0o600))
	_ = os.Remove(path + ".sig")
	w.run("ssh-keygen", "-q", "-Y", "sign", "-n", access.SignatureNamespace, "-f", filepath.Join(w.dir, person), path)
	sig, err := os.ReadFile(path + ".sig")
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.dir, "allowed"), []byte(person+" "+w.public(person)+"\n"), 0o600))
	verify := exec.Command("ssh-keygen", "-Y", "verify", "-f", filepath.Join(w.dir, "allowed"), "-I", person, "-n", access.SignatureNamespace, "-s", path+".sig")
	verify.Stdin = strings.NewReader(r.Text(n))
	if out, err := verify.CombinedOutput(); err != nil {
		w.t.Fatalf("ssh-keygen -Y verify: %v: %s", err, out)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(w.public(person)))
	w.must(err)
	return access.Proof{Kind: access.SSHProof, Nonce: n, Key: key.Marshal(), Signature: sig}
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// enrolment registers a person's passkey.
func (w *world) enrolment(person string) audit.Entry {
	return audit.Entry{Type: audit.Enrol, Actor: "person:" + person, Object: "person:" + person, Outcome: "ok", Data: raw(map[string]any{"passkeys": "registered", "passkey": "pk_" + person, "credential": w.passkeys[person].credential, "public_key": w.passkeys[person].cose(w.t)})}
}

func made(r access.Request) audit.Entry {
	return audit.Entry{Type: audit.AccessRequest, Actor: r.By.Principal, Owner: r.By.Owner, Task: r.By.Task, Object: r.ID, Outcome: "pending", Policy: r.Policy, Data: raw(map[string]any{"hash": r.Hash(), "request": r.Canonical(), "holder": r.By.Principal})}
}

func over(r access.Request, how string) audit.Entry {
	return audit.Entry{Type: audit.AccessRequest, Actor: r.By.Principal, Object: r.ID, Outcome: how}
}

func votedBy(r access.Request, v access.Vote) audit.Entry {
	said := "no"
	if v.Yes {
		said = "yes"
	}
	return audit.Entry{Type: audit.AccessVote, Actor: "person:" + v.By, Object: r.ID, Outcome: said, Policy: r.Policy, Data: raw(map[string]any{"vote": v, "request": r.Canonical(), "hash": r.Hash()})}
}

func grantOf(r access.Request, people ...string) access.Grant {
	return access.Grant{ID: grantID, Request: r.ID, By: r.By, Scope: r.Scope, People: people, Made: start.Add(3 * time.Minute), Ends: start.Add(13 * time.Minute)}
}

func granting(r access.Request, g access.Grant) audit.Entry {
	return audit.Entry{Type: audit.AccessGrant, Actor: g.By.Principal, Object: g.ID, Outcome: "made", Policy: r.Policy, Data: raw(map[string]any{"grant": g})}
}

// ranBy is a decision that a grant lets run.
func ranBy(g access.Grant, c access.Command) audit.Entry {
	return audit.Entry{Type: audit.Decision, Actor: g.By.Principal, Owner: g.By.Owner, Task: g.By.Task, Conn: "con_1", Session: sessionID, Target: "web-1", Login: "deploy", Object: "dec_1", Outcome: "allow",
		Data: raw(map[string]any{"plan": c.Plan, "final": c.Plan, "env": c.Env, "pty": c.PTY, "rules": []string{"web/ask[0]"}, "files": c.Files, "grants": []string{g.ID}})}
}

// story is all that happens: two passkeys are registered, the bot asks, ben says yes by passkey and dan by ssh-keygen, and it runs.
func (w *world) story() []audit.Entry {
	r := w.request()
	g := grantOf(r, "ben", "dan")
	return []audit.Entry{w.enrolment("ben"), w.enrolment("cat"), made(r), votedBy(r, w.yes(r, "ben", time.Minute)), votedBy(r, w.yes(r, "dan", 2*time.Minute)),
		granting(r, g), over(r, "approved"), ranBy(g, *w.command()), {Type: audit.SessionEnd, Session: sessionID, Outcome: "ended"}}
}

// log makes a real log of the entries, a second apart but where they say otherwise, and returns its folder.
func (w *world) log(entries []audit.Entry) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "log")
	w.must(os.Mkdir(dir, 0o700))
	signer, key, err := audit.LoadOrCreateKey(dir, "gate.example/log")
	w.must(err)
	at := start.Add(3 * time.Minute)
	l, err := audit.Open(audit.Config{Dir: dir, Signer: signer, VerifierKey: key, Origin: "gate.example/log", Node: "n", Now: func() time.Time { return at }})
	w.must(err)
	for _, e := range entries {
		_, err := l.Append(context.Background(), e)
		w.must(err)
	}
	w.must(l.Close())
	return dir
}

// bundle proves the session, or the request, with the policy at hand.
func (w *world) bundle(log, what string) (bundle []byte, key string) {
	w.t.Helper()
	policies := w.t.TempDir()
	w.must(os.WriteFile(filepath.Join(policies, audit.PolicyFileName(w.policy.Hash())), append(w.kept, '\n'), 0o600))
	text, err := os.ReadFile(filepath.Join(log, audit.VerifierFile))
	w.must(err)
	var out bytes.Buffer
	_, err = audit.Prove(context.Background(), &out, audit.ProveOptions{LogDir: log, RecordingsDir: w.dir, PolicyDir: policies, VerifierKey: strings.TrimSpace(string(text)), Session: what})
	w.must(err)
	return out.Bytes(), strings.TrimSpace(string(text))
}

// verify is all that a verifier does: the log, then the approvals.
func verify(bundle []byte, key string) (list []Approved, wrong string) {
	report, err := audit.VerifyBundle(context.Background(), bytes.NewReader(bundle), audit.BundleOptions{VerifierKey: key, Keep: Keep})
	if err != nil {
		return nil, err.Error()
	}
	if report.Bad != nil {
		return nil, report.Bad.String()
	}
	list, findings := Check(report.Kept, report.Policies)
	for _, f := range findings {
		wrong += f.String() + "\n"
	}
	return list, wrong
}
