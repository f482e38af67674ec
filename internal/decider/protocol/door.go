package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// Door is the decider as the door sees it: Client with one method an operation.
type Door struct{ *Client }

func ask[Out any](ctx context.Context, c *Client, op Op, in any) (Out, error) {
	var out Out
	err := c.Call(ctx, op, in, &out)
	return out, err
}

// Hello asks for what the door needs to begin; events flow after it.
func (d Door) Hello(ctx context.Context) (HelloAnswer, error) {
	return ask[HelloAnswer](ctx, d.Client, OpHello, Empty{})
}

// Authenticate asks whether a certificate opens the door; a refusal is *Error with CodeRefused and a line for the client.
func (d Door) Authenticate(ctx context.Context, in Authenticate) (Authenticated, error) {
	return ask[Authenticated](ctx, d.Client, OpAuthenticate, in)
}

// Face asks for a certificate to show to clients.
func (d Door) Face(ctx context.Context, in Face) (FaceAnswer, error) {
	return ask[FaceAnswer](ctx, d.Client, OpFace, in)
}

// Decide asks whether a plan may run. The decision's audit entry is durable when it returns.
func (d Door) Decide(ctx context.Context, in Decide) (Decided, error) {
	return ask[Decided](ctx, d.Client, OpDecide, in)
}

// Refuse notes what the door refused without asking.
func (d Door) Refuse(ctx context.Context, in Refuse) error { return d.Call(ctx, OpRefuse, in, nil) }

// Commit makes a recording's chunk a leaf of the log.
func (d Door) Commit(ctx context.Context, in Chunk) error { return d.Call(ctx, OpChunk, in, nil) }

// End notes a session's end.
func (d Door) End(ctx context.Context, in End) error { return d.Call(ctx, OpEnd, in, nil) }

// CloseConnection notes a connection's end.
func (d Door) CloseConnection(ctx context.Context, in Close) error {
	return d.Call(ctx, OpClose, in, nil)
}

// Sweep asks for the certificate with which a session's processes can be ended.
func (d Door) Sweep(ctx context.Context, in Sweep) (SweepAnswer, error) {
	return ask[SweepAnswer](ctx, d.Client, OpSweep, in)
}

var _ console.Authorizer = Door{}

// Authorize asks whether somebody may do a verb; a refusal is *console.ForbiddenError, an
// ended sign-in console.ErrSignedOut.
func (d Door) Authorize(ctx context.Context, who console.Credential, verb console.Verb, object, reason string) (console.Actor, error) {
	a, err := ask[Actor](ctx, d.Client, OpAuthorize, Authorize{Who: credential(who), Verb: string(verb), Object: object, Reason: reason})
	var e *Error
	if errors.As(err, &e) && e.Code == CodeSignedOut {
		return console.Actor{}, console.ErrSignedOut
	}
	if errors.As(err, &e) && e.Code == CodeRefused {
		return console.Actor{}, &console.ForbiddenError{Verb: verb, Reason: e.Msg}
	}
	return console.Actor{Principal: a.Principal, Rights: a.Rights, Meant: a.Meant}, err
}

// MintLink makes a one-time sign-in link for the credential's own person.
func (d Door) MintLink(ctx context.Context, who console.Credential) (url string, expires time.Time, err error) {
	l, err := ask[Link](ctx, d.Client, OpMintLink, MintLink{Who: credential(who)})
	return l.URL, l.Expires, err
}

// Redeem turns a one-time token into a sign-in; an unknown, used or expired one is console.ErrLinkUsed.
func (d Door) Redeem(ctx context.Context, token, source string) (account.SignedIn, error) {
	in, err := ask[account.SignedIn](ctx, d.Client, OpRedeem, Redeem{Token: token, Source: source})
	var e *Error
	if errors.As(err, &e) && e.Code == CodeRefused {
		err = console.ErrLinkUsed
	}
	return in, err
}

// SignOut ends a browser's sign-in.
func (d Door) SignOut(ctx context.Context, cookie string) error {
	return d.Call(ctx, OpSignOut, SignOut{Cookie: cookie}, nil)
}

func credential(c console.Credential) Credential {
	return Credential{Connection: c.Connection, SignIn: c.SignIn}
}

// Events is what the door does about each event of the decider. They are called one after the other and must not wait: answers
// to requests come by the same way. An event without its function is told to Bad.
type Events struct {
	Inventory func(InventoryEvent)
	Revoke    func(RevokeEvent)
	End       func(EndEvent)
	SignedOut func(SignedOutEvent)
	Dial      func(DialEvent)
	Send      func(SendEvent)
	HangUp    func(HangUpEvent)
	Trust     func(Trust)
	Access    func(AccessEvent)
	Bad       func(Op, error) // an event that is unknown or does not decode; required
}

// Handle decodes an event and calls its function.
func (e Events) Handle(op Op, body json.RawMessage) {
	err := errors.New("unknown event")
	switch op {
	case EventInventory:
		err = handle(body, e.Inventory)
	case EventRevoke:
		err = handle(body, e.Revoke)
	case EventEnd:
		err = handle(body, e.End)
	case EventSignedOut:
		err = handle(body, e.SignedOut)
	case EventDial:
		err = handle(body, e.Dial)
	case EventSend:
		err = handle(body, e.Send)
	case EventHangUp:
		err = handle(body, e.HangUp)
	case EventTrust:
		err = handle(body, e.Trust)
	case EventAccess:
		err = handle(body, e.Access)
	}
	if err != nil {
		e.Bad(op, err)
	}
}

func handle[E any](body json.RawMessage, f func(E)) error {
	var event E
	if err := Decode(body, &event); err != nil {
		return err
	}
	if f == nil {
		return errors.New("nothing here handles this event")
	}
	f(event)
	return nil
}
