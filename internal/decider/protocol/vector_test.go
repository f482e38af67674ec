package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/account"
	"gatehouse/policy"
	"gatehouse/recorder"
)

var update = flag.Bool("update", false, "rewrite testdata from the program")

// vector is one frame as it crosses the socket. testdata/vectors.json holds them all; other programs judge by it.
type vector struct {
	Name string `json:"name"`
	Hex  string `json:"hex"`  // length and JSON
	Type string `json:"type"` // of the body, the answer or the event: a key of bodies
}

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	con = "con_01JDABCDEFGHJKMNPQRSTVWXYZ"
	ses = "ses_01JDABCDEFGHJKMNPQRSTVWXYZ"
)

func status(n int) *int { return &n }

// bodies has one value of every type that crosses the socket, with every field set.
func bodies() map[Op][2]any {
	credential := Credential{Connection: con}
	target := Target{Name: "web-1", Address: "127.0.0.1:22", HostKey: []byte("key"), Logins: []string{"deploy"}, Local: true, Path: []string{"/usr/bin"}, Aliases: []string{"web"}, Labels: map[string]string{"env": "prod"}}
	plan := policy.Plan{Op: policy.OpPipe, Parts: []policy.Plan{{Op: policy.OpRun, Argv: policy.Argv{"echo", "é\n'<"}}, {Op: policy.OpRun, Argv: policy.Argv{"cat"}}}}
	final := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/id"}, Dir: "/srv", Umask: "077", Redirs: []policy.Redir{{FD: 2, Op: policy.RedirDup, To: 1}, {FD: 1, Op: policy.RedirOut, Path: "/dev/null"}, {Op: policy.RedirData, Data: "x"}},
		Not: true, Env: []policy.EnvVar{{Name: "A", Value: "b"}}, Wrap: []policy.Argv{{"/usr/bin/timeout", "5"}}, Globs: []int{1}, Tildes: []int{2}, Starts: []policy.Argv{{"grep", policy.Unknown}}, Null: true}
	facts := policy.Facts{Home: "/home/deploy", Programs: map[string]policy.ProgramFact{"id": {Path: "/usr/bin/id", Real: "/usr/bin/id", SHA256: strings.Repeat("0", 64), Why: "why"}},
		Paths: map[string]policy.PathFact{"/srv/a": {Real: "/srv/b", Kind: policy.PathFile}}, Globs: map[string][]string{"/srv/*": {"/srv/a"}},
		Contents: map[string]policy.FileState{"/srv/a": {Path: "/srv/a", Real: "/srv/b", Kind: policy.PathFile, SHA256: strings.Repeat("0", 64), Size: 1, Missing: true, Why: "why"}}}
	decision := policy.Decision{Verdict: policy.Allow, Code: policy.CodeNotAllowed, Reason: "r", Rules: []string{"web/allow[0]"}, Failed: &policy.Failed{Command: 1, Index: 2, Token: "x"},
		Nearest: []string{"id"}, Mode: policy.Pinned, Stdin: policy.StdinNone, PTY: true, PolicyHash: "sha256:00",
		Obligations: policy.Obligations{DryRun: true, MaxSeconds: 1, Idle: 2, BytesOut: 3, StdinMax: 4, MaxFile: 7, Sessions: 5, Denials: 6},
		Approvals:   []policy.Approval{{Approvals: 2, From: []string{"sre"}, Within: 900}}, Probes: []policy.Probe{{Kind: policy.ProbeProgram, Name: "id", Hash: true}}, Plan: &final,
		Directions: []policy.Direction{policy.FileRead}, Names: []string{"app"}, Hold: &policy.Hold{Secrets: true, Types: []string{"text"}, Max: 1}, Via: policy.ViaDoor}
	trust := Trust{AgentCAs: [][]byte{[]byte("a"), []byte("b")}, HostCAs: [][]byte{[]byte("h")}, FaceCA: []byte("f")}
	authority := CA{"target", "file target_ca", "switched", "retire", []CAKey{{1, "target_ca", "old", at, at, "SHA256:x", "ssh-ed25519 AAAA"}}, []string{"web-1"}, []string{"note"}}
	enrolled := Enrolled{"agent:bot", Issued{[]byte("cert"), "agt=bot", 1 << 60, at, at}, []string{"@cert-authority gatehouse ssh-ed25519 AAAA"}}
	return map[Op][2]any{
		OpHello:        {Empty{}, HelloAnswer{Node: "n", Trust: trust, PolicyHash: "sha256:00", Targets: []Target{target}, At: at, InputRecipient: "age1recipient"}},
		OpAuthenticate: {Authenticate{con, []byte("cert"), "192.0.2.1", con, true, "web-1", "deploy", nil}, Authenticated{policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann", Task: "t", Delegation: "person:ann>o"}, at, true, false, ""}},
		OpFace:         {Face{[]byte("key"), "web-1"}, FaceAnswer{[]byte("cert"), at}},
		OpDecide: {Decide{con, ses, "web-1", "deploy", plan, []policy.EnvVar{{Name: "LANG", Value: "C"}}, true, []byte("key"), facts, true, []byte("key"), "why", true, "echo x | cat", new(int64(60)), ar, &policy.Step{N: 7, Line: 2, Chain: []string{"bash -c", "source /srv/x.sh sha256:00"}, Piped: true, Any: true}, []int64{5, 6}, ar},
			Decided{"dec_01JDABCDEFGHJKMNPQRSTVWXYZ", decision, "unknown_target", "exec 'id'", []byte("cert"), []byte("permit"), []string{"FOO"}, true, 3, []byte("cert"), []byte("permit"), &Waiting{wantedRequest(), at, true, "why"}, true, policy.AfterEnd}},
		OpRefuse:    {Refuse{con, ses, "web-1", "deploy", "exec", "unsupported_syntax", "why"}, Empty{}},
		OpChunk:     {Chunk{Session: ses, N: 3, Offset: 4, Length: 5, Raw: 6, First: 7, Last: 8, SHA256: strings.Repeat("0", 64)}, Empty{}},
		OpEnd:       {End{con, ses, "killed", "why", status(137), "KILL", "ended", "web-1", "deploy", "why", &recorder.Summary{Session: ses, SHA256: strings.Repeat("0", 64), Size: 1, Chunks: 2, BytesIn: 3, BytesOut: 4, Duration: time.Second}, nil, &Residue{[]string{"process 7: sleep 9"}, true, "why", time.Second}}, Empty{}},
		OpClose:     {Close{con, "why"}, Empty{}},
		OpAuthorize: {Authorize{credential, "kill", ses, "why"}, Actor{"person:ann", []string{"view"}, []string{ses}}},
		OpSweep:     {Sweep{ses, "web-1", "deploy", []byte("key"), "why", SweepResidue}, SweepAnswer{[]byte("cert"), "exec /bin/sh"}},
		OpMintLink:  {MintLink{credential}, Link{"http://localhost/sign-in#x", "ann", at}},
		OpRedeem:    {Redeem{"token", "192.0.2.1"}, account.SignedIn{Cookie: "cookie", Person: "ann", Expires: at, Setup: true}},
		OpSignOut:   {SignOut{"cookie"}, Empty{}},
		OpIssue:     {Issue{policy.Agent, "bot", "t", []byte("key"), time.Minute, []string{"192.0.2.0/24"}, "root"}, Issued{[]byte("cert"), "agt=bot", 1 << 60, at, at}},
		OpSetupLink: {SetupLink{"ann", "root"}, Link{"http://localhost/sign-in#x", "ann", at}},
		OpReload:    {Empty{}, Reloaded{"sha256:00", true, "no"}},
		OpMetrics:   {Empty{}, Metrics{"x_total 1\n"}},
		OpSignHost:  {SignHost{"web-1", []byte("key"), time.Minute, "root"}, Issued{[]byte("cert"), "host", 1, at, at}},
		OpTargets: {Targets{"db-1"}, TargetList{[]Target{target}, true, [][]byte{[]byte("host")}, []TargetCA{{[]byte("key"), TargetCAActive}},
			[]TrustSeen{{"web-1", "SHA256:x", at}}}},
		OpEnrolTarget: {EnrolTarget{"web-1", []byte("key"), true, "root"}, TargetTrust{target, [][]byte{[]byte("key")}}},
		OpProbe:       {Probe{"chk_01JDABCDEFGHJKMNPQRSTVWXYZ", "web-1", "deploy", ProbeOther, "web-2", "SHA256:x", []byte("key"), "root", false}, ProbeAnswer{[]byte("cert"), "exec /bin/sh"}},
		OpChecked:     {Checked{"chk_01JDABCDEFGHJKMNPQRSTVWXYZ", "web-1", true, 3, []string{"deploy: weak: x"}, []string{"SHA256:x"}, "SHA256:y", "root"}, Empty{}},

		OpHostSeen: {HostSeen{"web-1", "SHA256:x"}, Empty{}},
		OpCAStatus: {Empty{}, CAStatus{[]CA{authority}}},
		OpCARotate: {CARotate{"target", true, true, "root"}, CARotated{"retire", 3, 2, []string{"web-1"}, authority}},
		EventTrust: {trust, nil},

		OpStreamOpened: {StreamOpened{7, "no route to host"}, Empty{}},
		OpStreamData:   {StreamData{7, []byte{0, 255}}, Empty{}},
		OpStreamEnd:    {StreamEnd{7, "reset"}, Empty{}},

		OpEnrol:        {Enrol{"req_01JDABCDEFGHJKMNPQRSTVWXYZ", "192.0.2.1", "bot", []byte("key"), "token", "join", "device", time.Minute, "t", "00-1-2-03", []string{"192.0.2.0/24"}}, enrolled},
		OpRenew:        {Renew{con, time.Minute, "t"}, enrolled},
		OpKnownHosts:   {Empty{}, KnownHosts{enrolled.KnownHosts}},
		OpJoinCreate:   {JoinCreate{"bot", time.Minute, "root"}, JoinCreated{"secret", JoinToken{"jt_01JDABCDEFGHJKMNPQRSTVWXYZ", "bot", "root", at, at, at}}},
		OpJoinList:     {Empty{}, JoinList{[]JoinToken{{"jt_01JDABCDEFGHJKMNPQRSTVWXYZ", "bot", "root", at, at, at}}}},
		OpJoinRemove:   {Remove{"jt_01JDABCDEFGHJKMNPQRSTVWXYZ", "root"}, Empty{}},
		OpKeyAdd:       {KeyAdd{"bot", []byte("key"), "laptop", "root"}, AgentKey{"SHA256:x", "ssh-ed25519", "bot", "laptop", "root", at}},
		OpKeyList:      {Empty{}, KeyList{[]AgentKey{{"SHA256:x", "ssh-ed25519", "bot", "laptop", "root", at}}}},
		OpKeyRemove:    {Remove{"SHA256:x", "root"}, Empty{}},
		EventInventory: {InventoryEvent{[]Target{target}}, nil},
		EventRevoke:    {RevokeEvent{[]string{ses}, "why"}, nil},
		EventDial:      {DialEvent{7, "issuer.example:443", true}, nil},
		EventSend:      {SendEvent{7, []byte{0, 255}}, nil},
		EventHangUp:    {HangUpEvent{7}, nil},
		OpRevoke: {Revoke{credential, "root", []string{"agent:bot", "task:a: b"}, "laptop stolen", at},
			Revoked{"rev_01JDABCDEFGHJKMNPQRSTVWXYZ", 2, []string{ses}, 1, 1}},
		OpLift: {Lift{credential, "root", "rev_01JDABCDEFGHJKMNPQRSTVWXYZ", "found again"}, Lifted{"rev_01JDABCDEFGHJKMNPQRSTVWXYZ", []string{"agent:bot"}, []string{"rev_01JDABCDEFGHJKMNPQRSTVWXYY"}}},
		OpRevocations: {ListRevocations{credential, "root", "rev_01JDABCDEFGHJKMNPQRSTVWXYY"},
			Revocations{[]Revocation{{"rev_01JDABCDEFGHJKMNPQRSTVWXYZ", []string{"agent:bot"}, "person:ann", "why", at, at}}, "rev_01JDABCDEFGHJKMNPQRSTVWXYZ"}},
		OpKRL: {ExportKRL{"agent", "root"}, KRL{[]byte("SSHKRL"), 1 << 60, 3, 2}},

		EventEnd: {EndEvent{[]string{con}, "agent:bot is revoked"}, nil},
	}
}

// order is that in which they came: frozen vectors stay where they are.
var order = []Op{OpHello, OpAuthenticate, OpFace, OpDecide, OpRefuse, OpChunk, OpEnd, OpClose, OpAuthorize, OpSweep, OpMintLink, OpRedeem, OpSignOut,
	OpIssue, OpSetupLink, OpReload, OpSignHost, EventInventory, EventRevoke,
	OpStreamOpened, OpStreamData, OpStreamEnd, EventDial, EventSend, EventHangUp,
	OpMetrics,
	EventEnd,
	OpEnrol, OpRenew, OpKnownHosts, OpJoinCreate, OpJoinList, OpJoinRemove, OpKeyAdd, OpKeyList, OpKeyRemove,
	OpHostSeen, OpCAStatus, OpCARotate, EventTrust,
	OpRevoke, OpLift, OpRevocations, OpKRL,
	OpTargets, OpEnrolTarget, OpProbe, OpChecked}

func frameOf(t *testing.T, f Frame, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case f.Error != nil:
	case f.Op == "":
		f.OK = text
	default:
		f.Body = text
	}
	var buf bytes.Buffer
	if err := WriteFrame(&buf, f); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func vectors(t *testing.T) []vector {
	all, order := bodies(), slices.Concat(order, peopleOrder, laterOrder, accessOrder, lockOrder, alertOrder, budgetOrder)
	maps.Copy(all, peopleBodies())
	maps.Copy(all, laterBodies())
	maps.Copy(all, accessBodies())
	maps.Copy(all, lockBodies())
	maps.Copy(all, alertBodies())
	maps.Copy(all, budgetBodies())
	if len(all) != len(order) {
		t.Fatalf("%d bodies for %d operations", len(all), len(order))
	}
	var out []vector
	for i, op := range order {
		both := all[op]
		if both[1] == nil {
			out = append(out, vector{"event " + string(op), hex.EncodeToString(frameOf(t, Frame{Op: op}, both[0])), string(op)})
			continue
		}
		id := uint64(i + 1)
		out = append(out, vector{"request " + string(op), hex.EncodeToString(frameOf(t, Frame{ID: id, Op: op}, both[0])), string(op)},
			vector{"answer " + string(op), hex.EncodeToString(frameOf(t, Frame{ID: id}, both[1])), string(op)})
	}
	return append(out, vector{"refusal", hex.EncodeToString(frameOf(t, Frame{ID: 7, Error: &Error{Code: CodeRefused, Msg: "no"}}, nil)), ""})
}

// TestVectors: the frames are those that the specification's version has always had, byte for byte, and decode to themselves.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors.json")
	now := vectors(t)
	if *update {
		text, err := json.MarshalIndent(now, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var frozen []vector
	if err := json.Unmarshal(text, &frozen); err != nil {
		t.Fatal(err)
	}
	if len(frozen) != len(now) {
		t.Errorf("%d frames, frozen are %d", len(now), len(frozen))
	}
	for i, v := range frozen {
		if i < len(now) && now[i] != v {
			t.Errorf("%s is %s\nfrozen: %s", now[i].Name, now[i].Hex, v.Hex)
		}
		wire, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ReadFrame(bytes.NewReader(wire))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		var again bytes.Buffer
		if err := WriteFrame(&again, f); err != nil || !bytes.Equal(again.Bytes(), wire) {
			t.Errorf("%s does not encode to itself: %q, %v", v.Name, again.Bytes(), err)
		}
	}
}

// TestJudge asks a program that shares nothing with ours.
func TestJudge(t *testing.T) {
	judge := filepath.Join("..", "..", "..", "scripts", "judge", "protocol.py")
	out, err := exec.Command("python3", judge, filepath.Join("testdata", "vectors.json")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "good") {
		t.Errorf("%v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	// "v":1 becomes "v":2, a field changes its name, a length does not fit: the judge must see it.
	for _, change := range [][2]string{{hex.EncodeToString([]byte(`{"v":1`)), hex.EncodeToString([]byte(`{"v":2`))},
		{hex.EncodeToString([]byte(`"certificate"`)), hex.EncodeToString([]byte(`"certificatf"`))}, {`"hex": "000000`, `"hex": "000100`}} {
		bad := filepath.Join(t.TempDir(), "bad.json")
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("nothing to change: %q", change[0])
		}
		if err := os.WriteFile(bad, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("python3", judge, bad).CombinedOutput(); err == nil {
			t.Errorf("%q: the judge says %s", change[1], out)
		}
	}
}

// TestReadFrameRefuses: what is no frame ends the connection, and never costs more memory than a frame.
func TestReadFrameRefuses(t *testing.T) {
	frame := func(text string) []byte {
		return append([]byte{byte(len(text) >> 24), byte(len(text) >> 16), byte(len(text) >> 8), byte(len(text))}, text...)
	}
	for name, wire := range map[string][]byte{
		"length 0": {0, 0, 0, 0}, "too long": {0, 0x10, 0, 1}, "4 GiB": {255, 255, 255, 255}, "not JSON": frame("x"), "an array": frame("[]"),
		"another version": frame(`{"v":2}`), "no version": frame(`{}`), "an unknown field": frame(`{"v":1,"x":1}`), "two values": frame(`{"v":1}{}`),
		"not UTF-8": frame("{\"v\":1,\"op\":\"\xff\"}"), "deep": frame(`{"v":1,"body":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`),
		"a negative id": frame(`{"v":1,"id":-1}`),
	} {
		if f, err := ReadFrame(bytes.NewReader(wire)); err == nil || strings.Contains(err.Error(), "EOF") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for name, wire := range map[string][]byte{"cut in the length": {0, 0}, "cut in the JSON": {0, 0, 0, 9, '{'}} {
		if _, err := ReadFrame(bytes.NewReader(wire)); err != io.ErrUnexpectedEOF {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := WriteFrame(io.Discard, Frame{Body: json.RawMessage(`"` + strings.Repeat("x", MaxFrame) + `"`)}); err == nil {
		t.Error("a frame over the bound was written")
	}
}

// FuzzFrame: no bytes make the reader panic, and what it reads it would write again.
func FuzzFrame(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		f.Fatal(err)
	}
	var frozen []vector
	if err := json.Unmarshal(text, &frozen); err != nil {
		f.Fatal(err)
	}
	for _, v := range frozen {
		wire, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		frame, err := ReadFrame(bytes.NewReader(wire))
		if err != nil {
			return
		}
		var buf bytes.Buffer
		if err := WriteFrame(&buf, frame); err != nil {
			if buf.Len() == 0 && len(wire) > MaxFrame/6 {
				return // escaped, it is over the bound
			}
			t.Fatal(err)
		}
		again, err := ReadFrame(&buf)
		if err != nil || again.ID != frame.ID || again.Op != frame.Op {
			t.Fatalf("%+v, %v, want %+v", again, err, frame)
		}
	})
}
