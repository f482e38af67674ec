package protocol

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// Privileges: what people and agents ask for, approve, hold and lock.
const (
	OpAccessAsk       Op = "access_ask"       // AccessAsk → access.Request
	OpAccessRequests  Op = "access_requests"  // AccessList → AccessRequests
	OpAccessShow      Op = "access_show"      // AccessName → console.AccessView
	OpAccessWithdraw  Op = "access_withdraw"  // AccessName → access.Request
	OpAccessChallenge Op = "access_challenge" // AccessProve → console.AccessChallenge
	OpAccessAnswer    Op = "access_answer"    // AccessAnswer → access.Request
	OpAccessGrants    Op = "access_grants"    // AccessList → AccessGrants
	OpAccessEnd       Op = "access_end"       // AccessName → AccessGrants
	OpAccessBeat      Op = "access_beat"      // AccessName → AccessGrants
	OpAccessReview    Op = "access_review"    // AccessName → access.Grant
	OpAccessPreview   Op = "access_preview"   // AccessPreview: what the door found of a command that waits
	OpAccessAway      Op = "access_away"      // AccessAway → AccessAways
	OpAccessTicket    Op = "access_ticket"    // AccessTicket → AccessGrants: a ticket was closed
	OpLock            Op = "lock"             // Lock → console.LockReport
	OpUnlock          Op = "unlock"           // AccessName → access.Lock
	OpLocks           Op = "locks"            // AccessName → Locks
)

// EventAccess says that requests are no longer pending, or that more was voted.
const EventAccess Op = "access" // AccessEvent

// AccessEvent names requests of which something changed. Whoever waits for one asks again.
type AccessEvent struct {
	Requests []string `json:"requests"`
}

// Waiting is a decision that people must take first. The door tells the client, keeps the session, and asks again with Await when
// EventAccess names the request, and at Until at the latest.
type Waiting struct {
	Request access.Request `json:"request"`
	Until   time.Time      `json:"until"`             // the command waits until then; zero: it is answered at once
	Preview bool           `json:"preview,omitempty"` // nobody has looked yet: OpAccessPreview is wanted
	Why     string         `json:"why,omitempty"`     // what became of the request that the session waited for before
}

// AccessAsk asks for a privilege. Of root on this machine By says who it is.
type AccessAsk struct {
	Who   Credential          `json:"who,omitzero"`
	By    string              `json:"by,omitempty"`
	Order console.AccessOrder `json:"order"`
}

// AccessName names a request, a grant or a lock, by its id or a unique beginning; empty where the operation says so.
type AccessName struct {
	Who   Credential `json:"who,omitzero"`
	By    string     `json:"by,omitempty"`
	ID    string     `json:"id,omitempty"`
	Words string     `json:"words,omitempty"`
}

// AccessList asks for a page.
type AccessList struct {
	Who    Credential           `json:"who,omitzero"`
	By     string               `json:"by,omitempty"`
	Filter console.AccessFilter `json:"filter,omitzero"`
}

// AccessRequests is a page, newest first. Next is the Before of the following page.
type AccessRequests struct {
	List []access.Request `json:"list"`
	Next string           `json:"next,omitempty"`
}

// AccessGrants is a page of grants.
type AccessGrants struct {
	List []access.Grant `json:"list"`
	Next string         `json:"next,omitempty"`
}

// AccessProve asks for a challenge: of a request, or of an order for break-glass.
type AccessProve struct {
	Who     Credential           `json:"who"`
	Request string               `json:"request,omitempty"`
	Order   *console.AccessOrder `json:"order,omitempty"`
	By      access.ProofKind     `json:"by"`
}

// AccessAnswer is a person's answer.
type AccessAnswer struct {
	Who    Credential           `json:"who"`
	Answer console.AccessAnswer `json:"answer"`
}

// AccessPreview is what the door found on the target of a request that waits.
type AccessPreview struct {
	Request string         `json:"request"`
	Preview access.Preview `json:"preview"`
}

// AccessAway names who answers in somebody's place.
type AccessAway struct {
	Who   Credential `json:"who"`
	To    string     `json:"to,omitempty"`
	Until time.Time  `json:"until,omitzero"`
}

// AccessAways are those that stand for the caller, in both directions.
type AccessAways struct {
	List []access.Away `json:"list"`
}

// AccessTicket is a webhook's body as it came, with its signature; the decider verifies it.
type AccessTicket struct {
	Body      []byte `json:"body"`
	Signature string `json:"signature"`
	Time      string `json:"time"`
}

// Lock asks for a lock.
type Lock struct {
	Who   Credential        `json:"who,omitzero"`
	By    string            `json:"by,omitempty"`
	Order console.LockOrder `json:"order"`
}

// Locks are those that stand.
type Locks struct {
	List []access.Lock `json:"list"`
}

var _ console.Access = Door{}

// Ask asks for a privilege.
func (d Door) Ask(ctx context.Context, who console.Credential, order console.AccessOrder) (access.Request, error) {
	return askAccess[access.Request](ctx, d, console.RequestMake, OpAccessAsk, AccessAsk{Who: credential(who), Order: order})
}

// Requests lists requests.
func (d Door) Requests(ctx context.Context, who console.Credential, f console.AccessFilter) (page []access.Request, next string, err error) {
	out, err := askAccess[AccessRequests](ctx, d, console.RequestList, OpAccessRequests, AccessList{Who: credential(who), Filter: f})
	return out.List, out.Next, err
}

// Request shows a request.
func (d Door) Request(ctx context.Context, who console.Credential, id string) (console.AccessView, error) {
	return askAccess[console.AccessView](ctx, d, console.RequestShow, OpAccessShow, AccessName{Who: credential(who), ID: id})
}

// waitEvery is how often a request that is waited for is looked at.
const waitEvery = time.Second

// Wait returns the request when it is no longer pending.
func (d Door) Wait(ctx context.Context, who console.Credential, id string) (access.Request, error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		view, err := d.Request(ctx, who, id)
		if err != nil || view.Request.State != access.Pending {
			return view.Request, err
		}
		select {
		case <-ctx.Done():
			return view.Request, nil
		case <-tick.C:
		}
	}
}

// Withdraw ends a request of the caller's own.
func (d Door) Withdraw(ctx context.Context, who console.Credential, id, words string) (access.Request, error) {
	return askAccess[access.Request](ctx, d, console.RequestWithdraw, OpAccessWithdraw, AccessName{Who: credential(who), ID: id, Words: words})
}

// Challenge begins a proof.
func (d Door) Challenge(ctx context.Context, who console.Credential, request string, order *console.AccessOrder, by string) (console.AccessChallenge, error) {
	return askAccess[console.AccessChallenge](ctx, d, console.RequestAnswer, OpAccessChallenge, AccessProve{Who: credential(who), Request: request, Order: order, By: access.ProofKind(by)})
}

// Answer answers a request.
func (d Door) Answer(ctx context.Context, who console.Credential, a console.AccessAnswer) (access.Request, error) {
	return askAccess[access.Request](ctx, d, console.RequestAnswer, OpAccessAnswer, AccessAnswer{Who: credential(who), Answer: a})
}

// Grants lists grants.
func (d Door) Grants(ctx context.Context, who console.Credential, f console.AccessFilter) (page []access.Grant, next string, err error) {
	out, err := askAccess[AccessGrants](ctx, d, console.GrantList, OpAccessGrants, AccessList{Who: credential(who), Filter: f})
	return out.List, out.Next, err
}

// EndGrants ends a grant, or the caller's own of its task.
func (d Door) EndGrants(ctx context.Context, who console.Credential, id, words string) ([]access.Grant, error) {
	out, err := askAccess[AccessGrants](ctx, d, console.GrantEnd, OpAccessEnd, AccessName{Who: credential(who), ID: id, Words: words})
	return out.List, err
}

// Beat says that an orchestrator lives.
func (d Door) Beat(ctx context.Context, who console.Credential, id string) ([]access.Grant, error) {
	out, err := askAccess[AccessGrants](ctx, d, console.GrantBeat, OpAccessBeat, AccessName{Who: credential(who), ID: id})
	return out.List, err
}

// Review says that somebody has looked at what was done with a break-glass grant.
func (d Door) Review(ctx context.Context, who console.Credential, grant, words string) (access.Grant, error) {
	return askAccess[access.Grant](ctx, d, console.GlassReview, OpAccessReview, AccessName{Who: credential(who), ID: grant, Words: words})
}

// Lock makes a lock.
func (d Door) Lock(ctx context.Context, who console.Credential, order console.LockOrder) (console.LockReport, error) {
	return askAccess[console.LockReport](ctx, d, console.LockMake, OpLock, Lock{Who: credential(who), Order: order})
}

// Unlock lifts a lock, or says that the caller wants it lifted.
func (d Door) Unlock(ctx context.Context, who console.Credential, id, reason string) (access.Lock, error) {
	return askAccess[access.Lock](ctx, d, console.LockLift, OpUnlock, AccessName{Who: credential(who), ID: id, Words: reason})
}

// Locks lists the locks that stand.
func (d Door) Locks(ctx context.Context, who console.Credential) ([]access.Lock, error) {
	out, err := askAccess[Locks](ctx, d, console.LockList, OpLocks, AccessName{Who: credential(who)})
	return out.List, err
}

// Away names who answers in the caller's place.
func (d Door) Away(ctx context.Context, who console.Credential, to string, until time.Time) ([]access.Away, error) {
	out, err := askAccess[AccessAways](ctx, d, console.AwaySet, OpAccessAway, AccessAway{Who: credential(who), To: to, Until: until})
	return out.List, err
}

// askAccess asks, and maps the decider's refusals to the console's.
func askAccess[Out any](ctx context.Context, d Door, verb console.Verb, op Op, in any) (Out, error) {
	out, err := ask[Out](ctx, d.Client, op, in)
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e.Code == CodeSignedOut:
		err = console.ErrSignedOut
	case e.Code == CodeRefused:
		err = &console.ForbiddenError{Verb: verb, Reason: e.Msg}
	case e.Code == CodeInvalid:
		err = console.NewUsageError(e.Msg)
	}
	return out, err
}
