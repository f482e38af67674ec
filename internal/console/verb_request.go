package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"gatehouse/policy/access"
)

// errNoAccess is the answer where nothing is asked for or approved.
var errNoAccess = errors.New("requests, approvals and locks are not available here")

// access is the decider, as far as it is there.
func (in *invocation) access() (Access, error) {
	if in.c.cfg.Access == nil {
		return nil, errNoAccess
	}
	return in.c.cfg.Access, nil
}

// line checks a reason or a person's words.
func line(what, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || utf8.RuneCountInString(text) > maxReason || Visible(text) != text {
		return "", usagef("%s is one line of at most %d characters", what, maxReason)
	}
	return text, nil
}

// orderFlags are what a request and break-glass have in common.
type orderFlags struct {
	Target []string      `help:"Where: names of targets; may be repeated." placeholder:"TARGET"`
	Login  string        `help:"As which login." placeholder:"LOGIN"`
	Reason string        `help:"Why, in one line; whoever decides reads it." required:"" placeholder:"TEXT"`
	Ticket string        `help:"The ticket that it belongs to." placeholder:"ID"`
	For    time.Duration `help:"For how long; without it, as long as the policy allows." placeholder:"30m"`
}

func (o orderFlags) order() (AccessOrder, error) {
	reason, err := line("a reason", o.Reason)
	if err != nil {
		return AccessOrder{}, err
	}
	if o.For < 0 {
		return AccessOrder{}, usagef("--for takes a time such as 30m")
	}
	return AccessOrder{Targets: o.Target, Login: o.Login, Reason: reason, Ticket: o.Ticket, For: o.For}, nil
}

type requestCmd struct {
	From    string `help:"What a denial was about, by its id." placeholder:"dn_…"`
	Role    string `help:"A role; with --pattern, the one whose rule it is." placeholder:"ROLE"`
	Pattern string `help:"Whatever an ask rule matches: its own words, as help TARGET lists them." placeholder:"PATTERN"`
	orderFlags
	Uses      int64         `help:"For how many commands; without it, as many as the policy allows." placeholder:"N"`
	Heartbeat time.Duration `help:"End it when no heartbeat has come for so long." placeholder:"1m"`
	Wait      waitFlag      `help:"Wait until people have decided, at most for so long, and say how it stands; exit status 0 if it is approved, 1 if not." placeholder:"DURATION"`
}

func (r *requestCmd) order() (AccessOrder, error) {
	order, err := r.orderFlags.order()
	if err != nil {
		return order, err
	}
	if r.From == "" && r.Role == "" && r.Pattern == "" || r.From != "" && r.Role+r.Pattern != "" {
		return order, usagef("say what is asked for: --from alone, or --role, or --pattern, with the --role that it is of if you have it in several")
	}
	if r.Uses < 0 || r.Heartbeat < 0 {
		return order, usagef("--uses takes a number, --heartbeat a time such as 1m")
	}
	order.From, order.Role, order.Pattern, order.Uses, order.Beat = r.From, r.Role, r.Pattern, r.Uses, r.Heartbeat
	return order, nil
}

func (r *requestCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	order, err := r.order()
	if err != nil {
		return err
	}
	made, err := a.Ask(in.ctx, in.who, order)
	if err != nil {
		return err
	}
	if r.Wait.Set {
		return in.awaitRequest(made, r.Wait.Time)
	}
	return in.showRequest(made)
}

// showRequest prints a request that was made or changed.
func (in *invocation) showRequest(r access.Request) error {
	if in.json {
		return in.printJSON(r)
	}
	in.printf("%s\n", Visible(r.ID))
	in.facts(requestFacts(r, in.c.cfg.Now()))
	return nil
}

// waitFlag is --wait or --wait=DURATION.
type waitFlag struct {
	Set  bool
	Time time.Duration // zero: until it is decided
}

// IsBool says that it needs no value.
func (w *waitFlag) IsBool() bool { return true }

// Decode reads it.
func (w *waitFlag) Decode(ctx *kong.DecodeContext) error {
	w.Set = true
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("--wait takes a time such as 10m, not %s", Visible(text))
	}
	w.Time = d
	return nil
}

// lookAgain is how often a request that is waited for is looked at, where nothing tells that it has changed.
const lookAgain = 5 * time.Second

// notApprovedError is the answer to who waited in vain.
type notApprovedError struct{ text string }

func (e *notApprovedError) Error() string { return e.text }

// awaitRequest prints each state of a request until it is decided, a line each.
func (in *invocation) awaitRequest(r access.Request, most time.Duration) error {
	ctx, cancel := context.WithCancel(in.ctx)
	if most > 0 {
		ctx, cancel = context.WithTimeout(in.ctx, most)
	}
	defer cancel()
	changed, stop := in.watch(r.ID)
	defer stop()
	said := ""
	for {
		if text := string(r.State) + votesText(r.Votes); text != said {
			said = text
			if err := in.sayRequest(r); err != nil {
				return err
			}
		}
		if r.State != access.Pending {
			return undecided(r)
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-ctx.Done():
			again.Stop()
			if in.ctx.Err() != nil {
				return in.ctx.Err()
			}
			return &notApprovedError{"approval_pending: nobody has decided yet; " + r.ID + " is open until " + Stamp(r.Expires)}
		case <-changed:
		case <-again.C:
		}
		again.Stop()
		view, err := in.c.cfg.Access.Request(in.ctx, in.who, r.ID)
		if err != nil {
			return err
		}
		r = view.Request
	}
}

// watch is told when a request changes, where something tells.
func (in *invocation) watch(id string) (changed <-chan struct{}, stop func()) {
	if in.c.cfg.WatchRequest == nil {
		return nil, func() {}
	}
	return in.c.cfg.WatchRequest(id)
}

func (in *invocation) sayRequest(r access.Request) error {
	if !in.json {
		in.printf("%s %s\n", Visible(r.ID), Visible(OutcomeText(r, in.c.cfg.Now())))
		return nil
	}
	b, err := marshal(r, "")
	if err != nil {
		return fmt.Errorf("answer in JSON: %w", err)
	}
	_, err = in.out.Write(b)
	return err
}

// undecided is nil for what was approved, and otherwise the code.
func undecided(r access.Request) error {
	code := map[access.State]string{access.Declined: "approval_declined", access.Expired: "approval_expired", access.Withdrawn: "withdrawn", access.Void: "void"}[r.State]
	if r.State == access.Approved {
		return nil
	}
	return &notApprovedError{code + ": " + r.ID + " was not approved"}
}

// principal checks whose requests or grants are wanted: a bare name would find nobody's.
func principal(who string) error {
	if who == "" || strings.HasPrefix(who, "agent:") || strings.HasPrefix(who, "person:") {
		return nil
	}
	return usagef("--who takes agent:NAME or person:NAME")
}

type requestsListCmd struct {
	State  string `help:"Only requests in this state: pending, approved, declined, expired, withdrawn or void." placeholder:"STATE" enum:",pending,approved,declined,expired,withdrawn,void" default:""`
	Answer bool   `help:"Only those that you can answer now."`
	Who    string `help:"Only those of this agent or person, such as agent:NAME." placeholder:"PRINCIPAL"`
	Task   string `help:"Only those of this task." placeholder:"TASK"`
	Before string `help:"Only those older than this one (the next page)." placeholder:"ID"`
}

func (l *requestsListCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	if err := principal(l.Who); err != nil {
		return err
	}
	page, next, err := a.Requests(in.ctx, in.who, AccessFilter{State: access.State(l.State), Answer: l.Answer, Who: l.Who, Task: l.Task, Before: l.Before})
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(struct {
			Requests []access.Request `json:"requests"`
			Next     string           `json:"next,omitempty"`
		}{append([]access.Request{}, page...), next})
	}
	if len(page) == 0 {
		in.println("No requests.")
		return nil
	}
	now := in.c.cfg.Now().UTC()
	t := &table{columns: []column{{"ID", 0}, {"STATE", 0}, {"MADE", 0}, {"WHO", 8}, {"WHAT", 20}}}
	for _, r := range page {
		t.rows = append(t.rows, []string{r.ID, string(r.State), clock(r.Made, now), r.By.Principal, ScopeText(r.Scope)})
	}
	t.render(in.out, in.width())
	if next != "" {
		in.printf("\nOlder ones: requests list --before %s\n", Visible(next))
	}
	return nil
}

type requestsShowCmd struct {
	ID string `arg:"" help:"The request, or a unique beginning of its id."`
}

func (s *requestsShowCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	v, err := a.Request(in.ctx, in.who, s.ID)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(v)
	}
	in.printf("%s\n", Visible(v.Request.ID))
	in.facts(requestFacts(v.Request, in.c.cfg.Now()))
	in.showView(v)
	return nil
}

type requestsWithdrawCmd struct {
	ID     string `arg:"" help:"The request, or a unique beginning of its id."`
	Reason string `help:"Why, in one line." placeholder:"TEXT" default:"no longer needed"`
}

func (w *requestsWithdrawCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	words, err := line("a reason", w.Reason)
	if err != nil {
		return err
	}
	r, err := a.Withdraw(in.ctx, in.who, w.ID, words)
	if err != nil {
		return err
	}
	return in.showRequest(r)
}
