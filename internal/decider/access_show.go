package decider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// maxBeside is how many denials and similar requests stand beside a request.
const maxBeside = 10

// readAgain is how long the reading of the same thing by the same person is one entry of the log: whoever waits looks every second.
const readAgain = time.Minute

// maxReads bounds what is remembered of that.
const maxReads = 10_000

// reads are who read what lately. Safe for concurrent use.
type reads struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func newReads() *reads { return &reads{seen: map[string]time.Time{}} }

// fresh reports whether a reading is to be noted.
func (r *reads) fresh(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, known := r.seen[key]; known && now.Sub(at) < readAgain && !now.Before(at) {
		return false
	}
	if len(r.seen) >= maxReads {
		clear(r.seen)
	}
	r.seen[key] = now
	return true
}

// noteRead notes that somebody looked at others' privileges. What is one's own is not noted.
func (d *Decider) noteRead(ctx context.Context, a asker, verb console.Verb, object string) error {
	if a.root() || !d.reads.fresh(a.name+" "+string(verb)+" "+object, d.cfg.Now()) {
		return nil
	}
	return d.append(ctx, audit.Entry{Type: audit.Read, Actor: a.name, Owner: a.who.Owner, Task: a.who.Task, Conn: a.conn, Object: object, Outcome: "allow", Policy: d.PolicyHash(),
		Data: data(map[string]any{"verb": verb})})
}

// sees reports whether somebody may see a request: their own, those of their agents, those that they may answer or have answered; with
// the right view, all.
func (d *Decider) sees(a asker, req access.Request) bool {
	if a.root() || a.has(policy.View) || d.owns(a, req.By) {
		return true
	}
	if a.person() == "" {
		return false
	}
	for _, v := range req.Votes {
		if v.By == a.person() {
			return true
		}
	}
	_, why := d.access.MayAnswer(d.currentPolicy(), req, a.person())
	return why == ""
}

// concerns reports whether a person may know that there is a request: they see it, or could have answered it while it was pending.
func (d *Decider) concerns(a asker, req access.Request) bool {
	if d.sees(a, req) {
		return true
	}
	now := d.cfg.Now()
	req.State, req.Votes, req.Expires = access.Pending, nil, now.Add(time.Second)
	_, why := access.MayAnswer(d.currentPolicy(), req, a.person(), nil, now)
	return why == "" && a.person() != ""
}

// accessRequests lists requests for whoever asks at the door.
func (d *Decider) accessRequests(ctx context.Context, in protocol.AccessList) (protocol.AccessRequests, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessRequests{}, err
	}
	if err := d.noteRead(ctx, a, console.RequestList, ""); err != nil {
		return protocol.AccessRequests{}, err
	}
	return d.listRequests(ctx, a, in.Filter)
}

// accessRequestsLocal lists them for root.
func (d *Decider) accessRequestsLocal(ctx context.Context, in protocol.AccessList) (protocol.AccessRequests, error) {
	a, err := localAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessRequests{}, err
	}
	return d.listRequests(ctx, a, in.Filter)
}

func (d *Decider) listRequests(ctx context.Context, a asker, f console.AccessFilter) (protocol.AccessRequests, error) {
	pol := d.currentPolicy()
	page, next, err := d.access.Requests(ctx, f.Before, maxAccessPage, func(r access.Request) bool {
		switch {
		case f.State != "" && r.State != f.State, f.Task != "" && r.By.Task != f.Task, f.Who != "" && r.By.Principal != f.Who:
			return false
		case f.Answer:
			_, why := d.access.MayAnswer(pol, r, a.person())
			return why == "" && a.person() != ""
		}
		return d.sees(a, r)
	})
	return protocol.AccessRequests{List: page, Next: next}, err
}

// accessShow shows a request with all that helps to decide it.
func (d *Decider) accessShow(ctx context.Context, in protocol.AccessName) (console.AccessView, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return console.AccessView{}, err
	}
	return d.showRequest(ctx, a, in.ID)
}

func (d *Decider) accessShowLocal(ctx context.Context, in protocol.AccessName) (console.AccessView, error) {
	a, err := localAsker(in.Who, in.By)
	if err != nil {
		return console.AccessView{}, err
	}
	return d.showRequest(ctx, a, in.ID)
}

func (d *Decider) showRequest(ctx context.Context, a asker, name string) (console.AccessView, error) {
	req, err := d.access.Find(ctx, name)
	if err != nil || !d.sees(a, req) {
		return console.AccessView{}, refuse("there is no request %q that you may see", cut(name, maxID))
	}
	own := !a.root() && a.name == req.By.Principal
	if !own {
		if err := d.noteRead(ctx, a, console.RequestShow, req.ID); err != nil {
			return console.AccessView{}, err
		}
	}
	view := console.AccessView{Request: req, Hash: req.Hash(), Text: req.Text(nil)}
	d.explainRequest(a, &view)
	if own {
		return view, nil // what others may know is not for whoever asks
	}
	if view.Preview, err = d.access.Preview(ctx, req.ID); err != nil {
		return view, err
	}
	view.Denials = d.denialsKept.Of(req.By.Principal, d.cfg.Now(), maxBeside)
	view.Similar, err = d.access.Similar(ctx, req, maxBeside)
	return view, err
}

// explainRequest says what it still needs, and whether and how whoever asks can answer it.
func (d *Decider) explainRequest(a asker, view *console.AccessView) {
	req, pol := view.Request, d.currentPolicy()
	view.Rules = accessRules(pol, req)
	if req.State != access.Pending {
		return
	}
	_, view.Missing = access.Ready(pol, req)
	if a.person() == "" {
		view.Hinders = "people decide it"
		return
	}
	instead, hinders := d.access.MayAnswer(pol, req, a.person())
	if view.Hinders = hinders; hinders == "" {
		view.Answer, view.Ways = true, waysOf(seatsOf(pol, req, a.person(), instead))
	}
}

// seatsOf is a request with those thresholds alone in which the people have a seat.
func seatsOf(pol *policy.Policy, req access.Request, people ...string) access.Request {
	req.Need = slices.DeleteFunc(slices.Clone(req.Need), func(n policy.Approval) bool {
		return !slices.ContainsFunc(pol.ApproversOf(n), func(name string) bool { return slices.Contains(people, name) })
	})
	return req
}

// accessRules are the rules that want approval, as they are written now.
func accessRules(pol *policy.Policy, req access.Request) []console.AccessRule {
	var out []console.AccessRule
	for _, name := range req.Rules {
		rule := console.AccessRule{ID: name, Pattern: name}
		if t, ok := pol.AskRule(name); ok {
			rule.Pattern, rule.File, rule.Line = t.Shown, t.File, t.Line
		} else if !strings.Contains(name, "/") {
			rule.Pattern = fmt.Sprintf("the role %s", name)
		}
		out = append(out, rule)
	}
	return out
}
