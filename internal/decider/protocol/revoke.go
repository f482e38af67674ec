package protocol

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/revoke"
)

// Revocations. The door asks on behalf of a person, who is in Who; root on the machine says who it is in By.
const (
	OpRevoke      Op = "make_revocation" // Revoke → Revoked
	OpLift        Op = "lift_revocation" // Lift → Lifted
	OpRevocations Op = "revocations"     // ListRevocations → Revocations
	OpKRL         Op = "krl"             // ExportKRL → KRL; administrators only
)

// Revoke asks that what the handles name be good for nothing from now on.
type Revoke struct {
	Who     Credential `json:"who,omitzero"`
	By      string     `json:"by,omitempty"`
	Handles []string   `json:"handles"`
	Reason  string     `json:"reason"`
	Until   time.Time  `json:"until,omitzero"` // zero: until it is lifted
}

// Revoked is the revocation's id, and what it ended at once.
type Revoked struct {
	ID          string   `json:"id"`
	Connections int      `json:"connections"`
	Sessions    []string `json:"sessions"` // the first hundred of their ids
	SessionsAll int      `json:"sessions_all"`
	SignIns     int      `json:"sign_ins"`
}

// Lift asks that a revocation not stand any more. ID may be the unique beginning of one.
type Lift struct {
	Who    Credential `json:"who,omitzero"`
	By     string     `json:"by,omitempty"`
	ID     string     `json:"id"`
	Reason string     `json:"reason"`
}

// Lifted is what was lifted; Still are the ids of others that stand for some of the same handles.
type Lifted struct {
	ID      string   `json:"id"`
	Handles []string `json:"handles"`
	Still   []string `json:"still,omitempty"`
}

// ListRevocations asks for what stands, from after an id on.
type ListRevocations struct {
	Who   Credential `json:"who,omitzero"`
	By    string     `json:"by,omitempty"`
	After string     `json:"after,omitempty"`
}

// Revocations is a page of what stands, oldest first. Next is the After of the following page.
type Revocations struct {
	List []Revocation `json:"list"`
	Next string       `json:"next,omitempty"`
}

// Revocation is one that stands.
type Revocation struct {
	ID      string    `json:"id"`
	Handles []string  `json:"handles"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"`
}

// ExportKRL asks for what is revoked as OpenSSH reads it, for the certificates of one CA: agent, target, host or face.
type ExportKRL struct {
	CA string `json:"ca"`
	By string `json:"by"`
}

// KRL is the revocation list.
type KRL struct {
	KRL     []byte `json:"krl"`
	Version uint64 `json:"version,string"`
	Serials int    `json:"serials"`
	Keys    int    `json:"keys"` // keys and CA keys
}

var _ console.Revoker = Door{}

// Revoke makes a revocation for the credential's own person.
func (d Door) Revoke(ctx context.Context, who console.Credential, order console.RevokeOrder) (console.RevokeReport, error) {
	r, err := ask[Revoked](ctx, d.Client, OpRevoke, Revoke{Who: credential(who), Handles: texts(order.Handles), Reason: order.Reason, Until: order.Until})
	return console.RevokeReport{ID: r.ID, Connections: r.Connections, Sessions: r.Sessions, SessionsAll: r.SessionsAll, SignIns: r.SignIns}, revokeError(console.Revoke, err)
}

// Lift lifts a revocation for the credential's own person.
func (d Door) Lift(ctx context.Context, who console.Credential, id, reason string) (console.LiftReport, error) {
	l, err := ask[Lifted](ctx, d.Client, OpLift, Lift{Who: credential(who), ID: id, Reason: reason})
	return console.LiftReport{ID: l.ID, Handles: l.Handles, Still: l.Still}, revokeError(console.Revoke, err)
}

// Revocations lists what stands for the credential's own person.
func (d Door) Revocations(ctx context.Context, who console.Credential, after string) (page []console.Revocation, next string, err error) {
	r, err := ask[Revocations](ctx, d.Client, OpRevocations, ListRevocations{Who: credential(who), After: after})
	for _, one := range r.List {
		page = append(page, console.Revocation(one))
	}
	return page, r.Next, revokeError(console.Revocations, err)
}

func texts(handles []revoke.Handle) []string {
	list := []string{}
	for _, h := range handles {
		list = append(list, h.String())
	}
	return list
}

// revokeError maps the decider's refusals to the console's.
func revokeError(verb console.Verb, err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == CodeSignedOut:
		return console.ErrSignedOut
	case e.Code == CodeRefused:
		return &console.ForbiddenError{Verb: verb, Reason: e.Msg}
	case e.Code == CodeInvalid:
		return console.NewUsageError(e.Msg)
	}
	return err
}
