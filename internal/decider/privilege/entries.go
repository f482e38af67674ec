package privilege

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// Voted is the data of a vote's entry: with it alone anybody can check who approved exactly what.
type Voted struct {
	Vote    access.Vote `json:"vote"`
	Request []byte      `json:"request"` // its canonical form, byte for byte; base64 in JSON
	Hash    string      `json:"hash"`
}

// entriesOf are the log's entries about a change: what is new in it beside what was.
func entriesOf(old, c access.Change, by By, now time.Time) (list []audit.Entry) {
	for _, r := range c.Requests {
		i := slices.IndexFunc(old.Requests, func(o access.Request) bool { return o.ID == r.ID })
		if i < 0 {
			list = append(list, made(r, by))
			continue
		}
		for _, v := range r.Votes[len(old.Requests[i].Votes):] {
			list = append(list, voted(r, v, by))
		}
		if !r.Open() {
			list = append(list, decided(r, by))
		}
	}
	for _, g := range c.Grants {
		i := slices.IndexFunc(old.Grants, func(o access.Grant) bool { return o.ID == g.ID })
		if i < 0 {
			list = append(list, granted(g, by))
			continue
		}
		list = append(list, grantChanged(old.Grants[i], g, by)...)
	}
	for _, a := range c.Aways {
		list = append(list, away(a, by, "set"))
	}
	for _, a := range old.Aways {
		list = append(list, away(a, by, "ended"))
	}
	return list
}

// about is an entry about a scope and its holder.
func about(kind audit.Type, object string, who access.Requester, s access.Scope, by By) audit.Entry {
	e := audit.Entry{Type: kind, Actor: cmp.Or(by.Actor, who.Principal), Owner: who.Owner, Task: who.Task, Conn: by.Conn, Session: by.Session, Login: string(s.Login), Object: object}
	if len(s.Targets) == 1 {
		e.Target = s.Targets[0]
	}
	return e
}

func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{}`) // plain values
	}
	return text
}

// made says that a request was made; of a break-glass, that it is given already, and by what proof.
func made(r access.Request, by By) audit.Entry {
	e := about(audit.AccessRequest, r.ID, r.By, r.Scope, by)
	e.Outcome, e.Reason, e.Policy, e.Session = string(r.State), r.Reason, r.Policy, r.Session
	if len(r.Rules) > 0 {
		e.Rule = r.Rules[0]
	}
	data := struct {
		Hash    string       `json:"hash"`
		Request []byte       `json:"request"`
		Holder  string       `json:"holder"`
		Denial  string       `json:"denial,omitempty"`
		Glass   bool         `json:"break_glass,omitempty"`
		Proof   access.Proof `json:"proof,omitzero"`
	}{r.Hash(), r.Canonical(), r.By.Principal, r.Denial, r.Scope.Glass, r.Proof}
	e.Data = encode(data)
	return e
}

// voted is one person's answer.
func voted(r access.Request, v access.Vote, by By) audit.Entry {
	e := about(audit.AccessVote, r.ID, r.By, r.Scope, by)
	e.Actor, e.Outcome, e.Reason, e.Policy = "person:"+v.By, "no", v.Words, cmp.Or(by.Policy, r.Policy)
	if v.Yes {
		e.Outcome = "yes"
	}
	e.Data = encode(Voted{v, r.Canonical(), r.Hash()})
	return e
}

// decided says that a request is over.
func decided(r access.Request, by By) audit.Entry {
	e := about(audit.AccessRequest, r.ID, r.By, r.Scope, by)
	e.Outcome, e.Reason = string(r.State), r.Why
	e.Data = encode(map[string]any{"hash": r.Hash(), "holder": r.By.Principal, "grant": r.Grant})
	return e
}

func granted(g access.Grant, by By) audit.Entry {
	e := about(audit.AccessGrant, g.ID, g.By, g.Scope, by)
	e.Outcome, e.Policy, e.Data = "made", by.Policy, encode(map[string]any{"grant": g})
	return e
}

// grantChanged says what became of a grant: used, ended, reviewed; nothing of a heartbeat.
func grantChanged(was, g access.Grant, by By) (list []audit.Entry) {
	if g.Used > was.Used {
		e := about(audit.AccessGrant, g.ID, g.By, g.Scope, by)
		e.Outcome, e.Data = "used", encode(map[string]any{"decision": by.Decision, "used": g.Used, "request": g.Request})
		list = append(list, e)
	}
	if was.Ended.IsZero() && !g.Ended.IsZero() {
		e := about(audit.AccessGrant, g.ID, g.By, g.Scope, by)
		e.Outcome, e.Reason, e.Data = "ended", g.Why, encode(map[string]any{"cause": g.Cause, "holder": g.By.Principal})
		list = append(list, e)
	}
	for _, v := range g.Reviews[len(was.Reviews):] {
		e := about(audit.AccessReview, g.ID, g.By, g.Scope, by)
		e.Actor, e.Outcome, e.Reason, e.Data = "person:"+v.By, "ok", v.Words, encode(map[string]any{"reviewed": !g.Reviewed.IsZero(), "holder": g.By.Principal})
		list = append(list, e)
	}
	return list
}

func away(a access.Away, by By, outcome string) audit.Entry {
	return audit.Entry{Type: audit.AccessAway, Actor: by.Actor, Conn: by.Conn, Object: "person:" + a.Who, Outcome: outcome, Data: encode(map[string]any{"away": a})}
}
