package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// Keep says which entries of a log tell about approvals.
func Keep(e audit.Entry) bool {
	switch e.Type {
	case audit.AccessRequest, audit.AccessVote, audit.AccessGrant, audit.AccessAway, audit.Decision, audit.Forward, audit.Enrol:
		return true
	}
	return false
}

// told is what entries tell, in their order.
type told struct {
	requests  map[string]*asked
	order     []string // of requests
	grants    map[string]*granted
	decisions []decided
	enrolled  []enrolled
	aways     []away
	policies  map[string]*policy.Policy
	findings  []Finding
}

// asked is a request as it was made, with what was answered.
type asked struct {
	seq       int64
	request   access.Request
	canonical []byte
	policy    string
	proof     access.Proof // of break-glass: whoever asks is who they say
	votes     []voted
	end       string // approved, declined, …
}

type voted struct {
	seq    int64
	actor  string
	policy string
	said   string // the entry's outcome
	hash   string
	vote   access.Vote
}

type granted struct {
	made   int64 // 0: the entry that makes it is not there
	policy string
	grant  access.Grant
	ended  int64 // 0: it has not
}

// decided is a decision that grants let run.
type decided struct {
	entry  audit.Entry
	grants []string
	data   decision
}

// decision is what a decision's entry has as data.
type decision struct {
	Grants []string           `json:"grants"`
	Plan   policy.Plan        `json:"plan"` // as it was asked
	Final  *policy.Plan       `json:"final"`
	Env    []policy.EnvVar    `json:"env"`
	PTY    bool               `json:"pty"`
	Rules  []string           `json:"rules"`
	Files  []policy.FileState `json:"files"`
}

type enrolled struct {
	seq                   int64
	person, did           string
	id                    string // of the passkey
	credential, publicKey []byte
}

type away struct {
	seq  int64
	set  bool
	away access.Away
}

// read takes what the entries tell.
func read(entries []audit.Entry, policies [][]byte) *told {
	t := &told{requests: map[string]*asked{}, grants: map[string]*granted{}, policies: map[string]*policy.Policy{}}
	for _, line := range policies {
		t.policy(line)
	}
	for _, e := range entries {
		if e.Outcome == "deny" { // what was refused changed nothing
			continue
		}
		switch e.Type {
		case audit.AccessRequest:
			t.request(e)
		case audit.AccessVote:
			t.vote(e)
		case audit.AccessGrant:
			t.grant(e)
		case audit.AccessAway:
			t.away(e)
		case audit.Decision, audit.Forward:
			t.decision(e)
		case audit.Enrol:
			t.enrol(e)
		}
	}
	return t
}

// policy takes a kept policy, which is what its hash says or is not taken.
func (t *told) policy(line []byte) {
	var kept struct {
		Hash  string
		Files []policy.File
	}
	if json.Unmarshal(line, &kept) != nil || policy.HashOf(kept.Files) != kept.Hash {
		t.wrong(-1, "", "a policy in it has not the hash %.80q that it says", kept.Hash)
		return
	}
	p, err := policy.Parse(kept.Files)
	if err != nil {
		t.wrong(-1, "", "the policy %s cannot be read by this program: %v", kept.Hash, err)
		return
	}
	t.policies[kept.Hash] = p
}

func (t *told) request(e audit.Entry) {
	var d struct {
		Hash    string       `json:"hash"`
		Request []byte       `json:"request"`
		Holder  string       `json:"holder"`
		Proof   access.Proof `json:"proof"`
	}
	if err := json.Unmarshal(e.Data, &d); err != nil && len(e.Data) > 0 {
		t.wrong(e.Seq, e.Object, "its data cannot be read")
		return
	}
	a := t.requests[e.Object]
	if len(d.Request) == 0 {
		if a != nil {
			a.end = e.Outcome
		}
		return
	}
	r, err := readCanonical(d.Request)
	sum := sha256.Sum256(d.Request)
	switch {
	case a != nil && bytes.Equal(a.canonical, d.Request): // noted again after a crash
		return
	case a != nil:
		t.wrong(e.Seq, e.Object, "it is made a second time, and otherwise")
	case err != nil:
		t.wrong(e.Seq, e.Object, "what was asked cannot be read: %v", err)
	case d.Hash != "sha256:"+hex.EncodeToString(sum[:]) || d.Hash != r.Hash():
		t.wrong(e.Seq, e.Object, "what was asked has not the hash that was approved")
	case r.ID != e.Object || r.By.Principal != d.Holder:
		t.wrong(e.Seq, e.Object, "it is noted as another's")
	default:
		t.requests[r.ID] = &asked{seq: e.Seq, request: r, canonical: d.Request, policy: e.Policy, proof: d.Proof}
		t.order = append(t.order, r.ID)
	}
}

// readCanonical reads a request's canonical form, of which every byte counts.
func readCanonical(text []byte) (access.Request, error) {
	var c struct {
		V int `json:"v"`
		access.Request
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return access.Request{}, err
	}
	if c.V != 1 {
		return access.Request{}, fmt.Errorf("version %d", c.V)
	}
	r := c.Request
	return access.Request{ID: r.ID, By: r.By, Scope: r.Scope, Reason: r.Reason, Ticket: r.Ticket, Need: r.Need, Rules: r.Rules, Policy: r.Policy, Made: r.Made, Expires: r.Expires, Barred: r.Barred}, nil // nothing that is not approved
}

func (t *told) vote(e audit.Entry) {
	var d struct {
		Vote    access.Vote `json:"vote"`
		Request []byte      `json:"request"`
		Hash    string      `json:"hash"`
	}
	a := t.requests[e.Object]
	switch err := json.Unmarshal(e.Data, &d); {
	case err != nil:
		t.wrong(e.Seq, e.Object, "a vote on it cannot be read")
	case a == nil:
		t.wrong(e.Seq, e.Object, "there is a vote on it before it is made")
	case !bytes.Equal(d.Request, a.canonical):
		t.wrong(e.Seq, e.Object, "person:%s answered another request than this", d.Vote.By)
	default:
		for _, v := range a.votes {
			if v.vote.By == d.Vote.By && v.vote.At.Equal(d.Vote.At) { // noted again after a crash
				return
			}
		}
		a.votes = append(a.votes, voted{e.Seq, e.Actor, e.Policy, e.Outcome, d.Hash, d.Vote})
	}
}

func (t *told) grant(e audit.Entry) {
	g := t.grants[e.Object]
	if g == nil {
		g = &granted{}
		t.grants[e.Object] = g
	}
	switch e.Outcome {
	case "made":
		var d struct {
			Grant access.Grant `json:"grant"`
		}
		if json.Unmarshal(e.Data, &d) != nil || d.Grant.ID != e.Object {
			t.wrong(e.Seq, e.Object, "the grant cannot be read")
			return
		}
		if g.made == 0 {
			g.made, g.policy, g.grant = e.Seq, e.Policy, d.Grant
		}
	case "ended":
		if g.ended == 0 {
			g.ended = e.Seq
		}
	}
}

func (t *told) decision(e audit.Entry) {
	var d decision
	if e.Outcome != string(policy.Allow) || json.Unmarshal(e.Data, &d) != nil || len(d.Grants) == 0 {
		return
	}
	t.decisions = append(t.decisions, decided{e, d.Grants, d})
}

func (t *told) enrol(e audit.Entry) {
	var d struct {
		Passkeys   string `json:"passkeys"`
		Passkey    string `json:"passkey"`
		Credential []byte `json:"credential"`
		PublicKey  []byte `json:"public_key"`
	}
	if json.Unmarshal(e.Data, &d) == nil && d.Passkeys != "" {
		t.enrolled = append(t.enrolled, enrolled{e.Seq, e.Object, d.Passkeys, d.Passkey, d.Credential, d.PublicKey})
	}
}

func (t *told) away(e audit.Entry) {
	var d struct {
		Away access.Away `json:"away"`
	}
	if json.Unmarshal(e.Data, &d) == nil {
		t.aways = append(t.aways, away{e.Seq, e.Outcome == "set", d.Away})
	}
}

// stoodIn reports whether somebody answered in another's place by then.
func (t *told) stoodIn(who, to string, at time.Time, before int64) bool {
	holds := false
	for _, a := range t.aways {
		if a.seq > before || a.away.Who != who {
			continue
		}
		holds = a.set && a.away.To == to && !at.Before(a.away.From) && at.Before(a.away.Until)
	}
	return holds
}

// ownPasskey reports whether a key was a person's registered passkey by then.
func (t *told) ownPasskey(person string, p access.Proof, before int64) bool {
	mine := ""
	for _, e := range t.enrolled {
		switch {
		case e.seq > before:
		case e.did == "registered" && e.person == "person:"+person && bytes.Equal(e.credential, p.Credential) && bytes.Equal(e.publicKey, p.Key):
			mine = e.id
		case e.did == "removed" && e.id == mine:
			mine = ""
		}
	}
	return mine != ""
}
