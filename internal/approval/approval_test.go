package approval

import (
	"bytes"
	"encoding/json"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// TestWhatWasApproved: from a bundle of the session, and of the request, anybody sees who approved what, by which key, and what ran.
func TestWhatWasApproved(t *testing.T) {
	w := newWorld(t)
	log := w.log(w.story())
	for _, what := range []string{sessionID, requestID} {
		list, wrong := verify(w.bundle(log, what))
		if wrong != "" || len(list) != 1 {
			t.Fatalf("%s: %d requests, %s", what, len(list), wrong)
		}
		a := list[0]
		if a.Request.Hash() != w.request().Hash() || a.Grant != grantID || !slices.Equal(a.Ran, []string{sessionID}) || len(a.Approvers) != 2 {
			t.Errorf("%s: %+v", what, a)
		}
		if ben, dan := a.Approvers[0], a.Approvers[1]; ben.Person != "ben" || ben.Kind != access.PasskeyProof || ben.Origin != "https://gate.example" || dan.Person != "dan" || dan.Kind != access.SSHProof || !strings.HasPrefix(dan.Key, "SHA256:") {
			t.Errorf("%s: %+v", what, a.Approvers)
		}
	}
}

// TestWhatIsFound: whoever holds the log's key and tells it otherwise is found by the approvals, and it is said what does not fit.
func TestWhatIsFound(t *testing.T) {
	w := newWorld(t)
	r, story := w.request(), w.story()
	const (
		enrolBen = iota
		enrolCat
		asks
		ben
		dan
		grants
		approved
		ran
	)
	other := w.request()
	other.Scope.Targets = []string{"web-2"}
	self := w.yes(r, "ann", time.Minute)
	change := func(at int, e audit.Entry) func([]audit.Entry) []audit.Entry {
		return func(s []audit.Entry) []audit.Entry { s[at] = e; return s }
	}
	without := func(at int) func([]audit.Entry) []audit.Entry {
		return func(s []audit.Entry) []audit.Entry { return slices.Delete(s, at, at+1) }
	}
	vote := func(change func(*access.Vote)) audit.Entry {
		v := w.yes(r, "ben", time.Minute)
		change(&v)
		return votedBy(r, v)
	}
	command := func(change func(*access.Command)) audit.Entry {
		c := *w.command()
		change(&c)
		return ranBy(grantOf(r, "ben", "dan"), c)
	}
	grant := func(change func(*access.Grant)) audit.Entry {
		g := grantOf(r, "ben", "dan")
		change(&g)
		return granting(r, g)
	}
	retold := func(old, new string) func([]audit.Entry) []audit.Entry {
		text := bytes.Replace(r.Canonical(), []byte(old), []byte(new), 1)
		return change(asks, audit.Entry{Type: audit.AccessRequest, Actor: "agent:bot", Object: r.ID, Outcome: "pending", Policy: r.Policy, Data: raw(map[string]any{"hash": r.Hash(), "request": text, "holder": "agent:bot"})})
	}
	for claim, c := range map[string]struct {
		spoil func([]audit.Entry) []audit.Entry
		says  string
	}{
		"a swapped approver":               {change(ben, vote(func(v *access.Vote) { v.By = "cat" })), "no entry registers this passkey for them"},
		"one key for two people":           {change(dan, vote(func(v *access.Vote) { v.By, v.At = "cat", start.Add(2*time.Minute) })), "no entry registers this passkey for them"},
		"a stranger's passkey":             {change(ben, votedBy(r, w.yes(r, "mal", time.Minute))), "no entry registers this passkey"},
		"a stranger's SSH key":             {change(dan, votedBy(r, access.Vote{By: "dan", Yes: true, At: start.Add(time.Minute), Proof: w.signature(r, "mal")})), "the policy does not list this key for them"},
		"another's SSH key":                {change(dan, votedBy(r, access.Vote{By: "dan", Yes: true, At: start.Add(time.Minute), Proof: w.signature(r, "eve")})), "does not list this key for them"},
		"an assertion for another request": {change(ben, votedBy(r, access.Vote{By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assertion(other, "ben")})), "it is an assertion for another request"},
		"a signature over another request": {change(dan, votedBy(r, access.Vote{By: "dan", Yes: true, At: start.Add(time.Minute), Proof: w.signature(other, "dan")})), "the signature is not over this text"},
		"a removed vote":                   {without(dan), "not enough people approved it: it needs 1 more of sre"},
		"one person twice":                 {change(dan, votedBy(r, w.yes(r, "ben", 2*time.Minute))), "it needs 1 more of sre"},
		"the owner's own approval":         {change(ben, votedBy(r, self)), "it serves person:ann, who decided about it"},
		"no proof at all":                  {change(ben, vote(func(v *access.Vote) { v.Proof = access.Proof{} })), "its nonce has 0 bytes"},
		"a no instead":                     {change(ben, vote(func(v *access.Vote) { v.Yes, v.Proof = false, access.Proof{} })), "it needs 1 more of sre"},
		"a vote noted as another's":        {func(s []audit.Entry) []audit.Entry { s[ben].Actor = "person:cat"; return s }, "is noted as by person:cat"},
		"a vote after the end":             {change(ben, vote(func(v *access.Vote) { v.At = start.Add(time.Hour) })), "while it was not pending"},
		"a vote after the grant":           {func(s []audit.Entry) []audit.Entry { s[dan], s[grants] = s[grants], s[dan]; return s }, "answers after it was granted"},
		"a place that nobody gave":         {change(ben, vote(func(v *access.Vote) { v.For = "cat" })), "in the place of person:cat, and nothing says that they might"},
		"a passkey that was removed": {func(s []audit.Entry) []audit.Entry {
			return slices.Insert(s, ben, audit.Entry{Type: audit.Enrol, Actor: "person:ben", Object: "person:ben", Outcome: "ok", Data: raw(map[string]any{"passkeys": "removed", "passkey": "pk_ben"})})
		}, "no entry registers this passkey"},
		"a passkey registered later":       {func(s []audit.Entry) []audit.Entry { return append(slices.Delete(s, enrolBen, 1), w.enrolment("ben")) }, "no entry registers this passkey"},
		"made at another site":             {change(ben, votedBy(r, access.Vote{By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assert(r, "ben", "https://evil.example", "gate.example", 5)})), "signed for another site"},
		"made without TLS":                 {change(ben, votedBy(r, access.Vote{By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assert(r, "ben", "http://gate.example", "gate.example", 5)})), "it was made at"},
		"without verifying who it was":     {change(ben, votedBy(r, access.Vote{By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assert(r, "ben", "https://gate.example", "gate.example", 1)})), "did not verify who touched it"},
		"with nobody there":                {change(ben, votedBy(r, access.Vote{By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assert(r, "ben", "https://gate.example", "gate.example", 4)})), "nobody touched"},
		"a request that is told otherwise": {retold("restart", "disable"), "has not the hash that was approved"},
		"votes within the request":         {retold(`"v":1`, `"v":1,"votes":[{"by":"cat","yes":true}]`), "has not the hash that was approved"},
		"a request that is left out":       {without(asks), "a vote on it before it is made"},
		"a request of another's": {func(s []audit.Entry) []audit.Entry {
			s[asks].Data = bytes.Replace(s[asks].Data, []byte("agent:bot"), []byte("agent:not"), 1)
			return s
		}, "noted as another's"},
		"a field that is not approved": {retold(`"v":1`, `"v":1,"x":1`), "cannot be read"},
		"a grant that is left out":     {without(grants), "it ran by this grant, which is not here"},
		"a grant of more":              {change(grants, grant(func(g *access.Grant) { g.Scope.Uses = 5 })), "gives something else than was approved"},
		"a grant for somebody else":    {change(grants, grant(func(g *access.Grant) { g.By.Task = "t2" })), "gives something else"},
		"a grant that lives longer":    {change(grants, grant(func(g *access.Grant) { g.Ends = g.Made.Add(time.Hour) })), "lives longer than was approved"},
		"another command":              {change(ran, command(func(c *access.Command) { c.Plan.Argv[2] = "db" })), "what ran is not what was approved: another command"},
		"another environment":          {change(ran, command(func(c *access.Command) { c.Env[0].Value = "X" })), "another command"},
		"another file":                 {change(ran, command(func(c *access.Command) { c.Files[0].SHA256 = strings.Repeat("cd", 32) })), "these files had changed: /etc/app.conf"},
		"another target":               {func(s []audit.Entry) []audit.Entry { s[ran].Target = "web-2"; return s }, `it ran on "web-2"`},
		"another login":                {func(s []audit.Entry) []audit.Entry { s[ran].Login = "root"; return s }, `it ran as "root"`},
		"another task":                 {func(s []audit.Entry) []audit.Entry { s[ran].Task = "t2"; return s }, `task "t2"`},
		"twice":                        {func(s []audit.Entry) []audit.Entry { return slices.Insert(s, ran, s[ran]) }, "it ran 2 times, and 1 were approved"},
		"after its end": {func(s []audit.Entry) []audit.Entry {
			return slices.Insert(s, ran, audit.Entry{Type: audit.AccessGrant, Object: grantID, Outcome: "ended"})
		}, "the grant did not live then"},
	} {
		t.Run(claim, func(t *testing.T) {
			spoilt := c.spoil(slices.Clone(story))
			for i := range spoilt {
				spoilt[i].Data = slices.Clone(spoilt[i].Data)
			}
			_, wrong := verify(w.bundle(w.log(spoilt), sessionID))
			if !strings.Contains(wrong, c.says) {
				t.Errorf("found %q; want %q", wrong, c.says)
			}
		})
	}
}

// TestWithoutItsPolicy: whether enough people approved is not said where the policy of then is not at hand, nor by another's text.
func TestWithoutItsPolicy(t *testing.T) {
	w := newWorld(t)
	bundle, key := w.bundle(w.log(w.story()), sessionID)
	report, err := audit.VerifyBundle(t.Context(), bytes.NewReader(bundle), audit.BundleOptions{VerifierKey: key, Keep: Keep})
	if err != nil || report.Bad != nil || len(report.Policies) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	said := func(policies ...[]byte) string {
		var sb strings.Builder
		_, findings := Check(report.Kept, policies)
		for _, f := range findings {
			sb.WriteString(f.String())
		}
		return sb.String()
	}
	if got := said(); !strings.Contains(got, "is not here, so that nobody can say whether enough") || !strings.Contains(got, "the policy that lists their keys is not here") {
		t.Error(got)
	}
	eased := bytes.Replace(report.Policies[0], []byte(w.policy.Hash()), []byte("sha256:"+strings.Repeat("0", 64)), 1)
	if got := said(eased); !strings.Contains(got, "a policy in it has not the hash") {
		t.Error(got)
	}
}

// TestStandIn: who is away has given their place to somebody, who counts in it.
func TestStandIn(t *testing.T) {
	w := newWorld(t)
	story := w.story()
	r := w.request()
	v := w.yes(r, "ben", time.Minute)
	v.For = "cat"
	story[3] = votedBy(r, v)
	away := access.Away{ID: "aw_1", Who: "cat", To: "ben", From: start.Add(-time.Hour), Until: start.Add(time.Hour)}
	set := func(a access.Away, how string) audit.Entry {
		return audit.Entry{Type: audit.AccessAway, Actor: "person:cat", Object: a.ID, Outcome: how, Data: raw(map[string]any{"away": a})}
	}
	with := func(e ...audit.Entry) string {
		_, wrong := verify(w.bundle(w.log(slices.Insert(slices.Clone(story), 2, e...)), requestID))
		return wrong
	}
	if wrong := with(set(away, "set")); wrong != "" {
		t.Error(wrong)
	}
	toEve, past := away, away
	toEve.To, past.Until = "eve", start
	for name, e := range map[string][]audit.Entry{"ended": {set(away, "set"), set(away, "ended")}, "to another": {set(toEve, "set")}, "over": {set(past, "set")}} {
		if wrong := with(e...); !strings.Contains(wrong, "nothing says that they might") {
			t.Errorf("%s: %q", name, wrong)
		}
	}
}

// TestOneByte: whichever byte of a bundle is another, it is refused, or nothing that it says is different: the manifest and the hint
// at the key are not believed.
func TestOneByte(t *testing.T) {
	w := newWorld(t)
	bundle, key := w.bundle(w.log(w.story()), sessionID)
	want, wrong := verify(bundle, key)
	if wrong != "" {
		t.Fatal(wrong)
	}
	step, ignored := len(bundle)/400, 0 // FuzzOneByte flips them all
	for at := mathrand.IntN(step); at < len(bundle); at += step {
		spoilt := bytes.Clone(bundle)
		spoilt[at] ^= 1 << mathrand.IntN(8)
		list, wrong := verify(spoilt, key)
		if wrong != "" {
			continue
		}
		ignored++
		if !reflect.DeepEqual(list, want) {
			t.Fatalf("byte %d of %d is another, and it is good: %+v", at, len(bundle), list)
		}
	}
	if ignored*3 > len(bundle)/step {
		t.Errorf("%d of %d bytes have no meaning", ignored, len(bundle)/step)
	}
}

// FuzzOneByte flips any byte to any other.
func FuzzOneByte(f *testing.F) {
	f.Add(uint(100), byte(1))
	f.Add(uint(5000), byte(255))
	var w *world
	var bundle []byte
	var key string
	var want []Approved
	f.Fuzz(func(t *testing.T, at uint, by byte) {
		if w == nil {
			w = newWorld(t)
			bundle, key = w.bundle(w.log(w.story()), sessionID)
			want, _ = verify(bundle, key)
		}
		spoilt := bytes.Clone(bundle)
		spoilt[at%uint(len(bundle))] ^= by
		if list, wrong := verify(spoilt, key); wrong == "" && !reflect.DeepEqual(list, want) {
			t.Fatalf("byte %d: %+v", at%uint(len(bundle)), list)
		}
	})
}

// FuzzEntries: whatever entries say, nothing panics, and nothing is approved by it.
func FuzzEntries(f *testing.F) {
	f.Add([]byte(`{"hash":"sha256:00","request":{"v":1,"id":"ar_1","scope":{"kind":"command"}}}`), []byte(`{"vote":{"by":"ben","yes":true,"proof":{"kind":"passkey","nonce":"AA=="}}}`), []byte(`{"grant":{"id":"gr_1","request":"ar_1"}}`), []byte(`{"grants":["gr_1"]}`), []byte(`{"Hash":"","Files":[]}`))
	f.Fuzz(func(t *testing.T, request, vote, grant, decision, kept []byte) {
		entries := []audit.Entry{{Seq: 1, Type: audit.AccessRequest, Object: "ar_1", Outcome: "pending", Data: request}, {Seq: 2, Type: audit.AccessVote, Object: "ar_1", Outcome: "yes", Data: vote},
			{Seq: 3, Type: audit.AccessGrant, Object: "gr_1", Outcome: "made", Data: grant}, {Seq: 4, Type: audit.Decision, Outcome: "allow", Data: decision}, {Seq: 5, Type: audit.Enrol, Object: "person:ben", Data: vote}}
		list, findings := Check(entries, [][]byte{kept})
		var d struct {
			Grants []string `json:"grants"`
		}
		if json.Unmarshal(decision, &d) == nil && len(d.Grants) > 0 && len(findings) == 0 {
			t.Fatalf("it ran by %q, and nothing is wrong: %+v", d.Grants, list)
		}
	})
}

// TestCommandUnderARole: a command that was approved as it was asked, with the role that it runs under, ran as it was asked.
func TestCommandUnderARole(t *testing.T) {
	w := newWorld(t)
	r := w.request()
	asked := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"systemctl", "restart", "app"}}
	r.Scope.Role, r.Scope.Command = "web", &access.Command{Plan: asked, Mode: policy.Pinned}
	g := grantOf(r, "ben", "dan")
	for want, argv := range map[string]policy.Argv{"": {"systemctl", "restart", "app"}, "another command": {"systemctl", "stop", "app"}} {
		ran := ranBy(g, *w.command())
		ran.Data = raw(map[string]any{"plan": policy.Plan{Op: policy.OpRun, Argv: argv}, "final": w.command().Plan, "grants": []string{g.ID}, "files": w.command().Files})
		story := []audit.Entry{w.enrolment("ben"), made(r), votedBy(r, w.yes(r, "ben", time.Minute)), votedBy(r, w.yes(r, "dan", 2*time.Minute)), granting(r, g), ran, {Type: audit.SessionEnd, Session: sessionID, Outcome: "ended"}}
		if _, wrong := verify(w.bundle(w.log(story), sessionID)); (want == "") != (wrong == "") || !strings.Contains(wrong, want) {
			t.Errorf("%q: %q", argv, wrong)
		}
	}
}

// TestJudge: who knows nothing but the specification comes to the same, with the passkeys' assertions; ssh-keygen has judged the others.
func TestJudge(t *testing.T) {
	w := newWorld(t)
	judge := func(entries []audit.Entry) (string, error) {
		bundle, _ := w.bundle(w.log(entries), requestID)
		path := filepath.Join(t.TempDir(), "bundle.tar")
		w.must(os.WriteFile(path, bundle, 0o600))
		out, err := exec.Command("python3", "../../scripts/judge/evidence.py", "bundle", path).CombinedOutput()
		return string(out), err
	}
	if out, err := judge(w.story()); err != nil || !strings.Contains(out, `"approved": ["ben"]`) {
		t.Errorf("%v: %s", err, out)
	}
	r := w.request()
	other := w.request()
	other.Reason = "another"
	swapped := w.yes(r, "ben", time.Minute)
	swapped.By = "cat"
	for says, vote := range map[string]access.Vote{"assertion for another request": {By: "ben", Yes: true, At: start.Add(time.Minute), Proof: w.assertion(other, "ben")}, "not by a passkey of person:cat": swapped} {
		story := w.story()
		story[3] = votedBy(r, vote)
		if out, err := judge(story); err == nil || !strings.Contains(out, says) {
			t.Errorf("%v: %s; want %s", err, out, says)
		}
	}
}
