package console

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/revoke"
)

// The verbs about revocations.
const (
	Revoke      Verb = "revoke"      // operate or administer; to lift: administer
	Revocations Verb = "revocations" // view, operate or administer
)

// RevokeOrder asks that what the handles name be good for nothing from now on.
type RevokeOrder struct {
	Handles []revoke.Handle
	Reason  string
	Until   time.Time // zero: until it is lifted
}

// RevokeReport says what a revocation ended. The sessions end as by a kill.
type RevokeReport struct {
	ID          string   `json:"id"`
	Connections int      `json:"connections"`
	Sessions    []string `json:"sessions"` // the first hundred
	SessionsAll int      `json:"sessions_all"`
	SignIns     int      `json:"sign_ins"`
}

// LiftReport says what was lifted, and which other revocations still stand for some of the same.
type LiftReport struct {
	ID      string   `json:"id"`
	Handles []string `json:"handles"`
	Still   []string `json:"still,omitempty"`
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

// Revoker is the decider as the verbs about revocations see it. It authorises, and audits before it answers. A refusal is a
// *ForbiddenError. Safe for concurrent use.
type Revoker interface {
	// Revoke is in force, and the door has been told, when it returns.
	Revoke(ctx context.Context, who Credential, order RevokeOrder) (RevokeReport, error)
	// Lift takes an id or the unique beginning of one.
	Lift(ctx context.Context, who Credential, id, reason string) (LiftReport, error)
	// Revocations lists what stands, oldest first, from after an id on; next is empty at the end.
	Revocations(ctx context.Context, who Credential, after string) (page []Revocation, next string, err error)
}

// NewUsageError is the user's own mistake, in one line.
func NewUsageError(text string) error { return &usageError{message: text} }

type revokeCmd struct {
	Handles []string `arg:"" optional:"" help:"certificate:SERIAL, key:SHA256:…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT or ca:SHA256:…" placeholder:"HANDLE"`
	Reason  string   `help:"Why, in one line; it is recorded and shown to the clients." required:"" placeholder:"TEXT"`
	Until   string   `help:"When it ends by itself: 8h from now, or 2026-11-23T10:00:00Z. Without it, it stands until it is lifted." placeholder:"TIME"`
	Lift    string   `help:"Lift a revocation instead." placeholder:"ID"`
}

func (r *revokeCmd) Run(in *invocation) error {
	reason := strings.TrimSpace(r.Reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || Visible(reason) != reason {
		return usagef("a revocation needs a reason: one line of at most %d characters", maxReason)
	}
	if r.Lift != "" {
		if len(r.Handles) > 0 || r.Until != "" {
			return usagef("--lift takes an id, and neither handles nor --until")
		}
		return r.lift(in, reason)
	}
	order := RevokeOrder{Reason: reason}
	var err error
	if order.Until, err = ParseUntil(r.Until, in.c.cfg.Now()); err != nil {
		return err
	}
	if order.Handles, err = ParseHandles(r.Handles); err != nil {
		return err
	}
	report, err := in.c.cfg.Revoke.Revoke(in.ctx, in.who, order)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(report)
	}
	in.printf("%s", report.Text())
	return nil
}

func (r *revokeCmd) lift(in *invocation, reason string) error {
	report, err := in.c.cfg.Revoke.Lift(in.ctx, in.who, r.Lift, reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(report)
	}
	in.printf("%s", report.Text())
	return nil
}

// ParseHandles reads what a revocation is to be of.
func ParseHandles(args []string) ([]revoke.Handle, error) {
	if len(args) == 0 || len(args) > revoke.MaxHandles {
		return nil, usagef("name 1 to %d things to revoke, such as agent:NAME; %d were named", revoke.MaxHandles, len(args))
	}
	var list []revoke.Handle
	for _, a := range args {
		h, err := revoke.Parse(a)
		if err != nil {
			return nil, usagef("%s", Visible(err.Error()))
		}
		list = append(list, h)
	}
	return list, nil
}

// ParseUntil reads when a revocation ends: a duration from now, a time, or nothing.
func ParseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if d, derr := time.ParseDuration(text); derr == nil {
		at, err = now.Add(d), nil
	}
	if err != nil {
		return time.Time{}, usagef("--until %s is neither a time from now such as 8h, nor 2026-11-23T10:00:00Z", Visible(text))
	}
	if at.Before(now.Add(time.Second)) {
		return time.Time{}, usagef("--until %s is over already", Visible(text))
	}
	return at.UTC(), nil
}

// Text says for a person what a revocation did.
func (r RevokeReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is in force: %s ended", r.ID, count(r.Connections, "connection"))
	if r.SessionsAll > 0 {
		fmt.Fprintf(&b, " with %s", count(r.SessionsAll, "session"))
	}
	if r.SignIns > 0 {
		fmt.Fprintf(&b, ", %s in the browser", count(r.SignIns, "sign-in"))
	}
	b.WriteString("\n")
	for _, s := range r.Sessions {
		fmt.Fprintf(&b, "  %s\n", Visible(s))
	}
	if more := r.SessionsAll - len(r.Sessions); more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return b.String()
}

// Text says for a person what a lift did.
func (l LiftReport) Text() string {
	text := fmt.Sprintf("%s is lifted: %s\n", l.ID, Visible(strings.Join(l.Handles, " ")))
	if len(l.Still) > 0 {
		text += fmt.Sprintf("STILL REVOKED by %s\n", Visible(strings.Join(l.Still, " ")))
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type revocationsCmd struct{}

func (*revocationsCmd) Run(in *invocation) error {
	all := []Revocation{}
	for after := ""; ; {
		page, next, err := in.c.cfg.Revoke.Revocations(in.ctx, in.who, after)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if after = next; next == "" {
			break
		}
	}
	if in.json {
		return in.printJSON(all)
	}
	in.printf("%s", RevocationsText(all, in.c.cfg.Now()))
	return nil
}

// RevocationsText lists revocations for a person. Nothing is cut: each has its id and what it names on one line, the rest below.
func RevocationsText(all []Revocation, now time.Time) string {
	if len(all) == 0 {
		return "Nothing is revoked.\n"
	}
	var b strings.Builder
	for _, r := range all {
		until := "until it is lifted"
		if !r.Until.IsZero() {
			until = "until " + Stamp(r.Until)
		}
		fmt.Fprintf(&b, "%s  %s\n    since %s (%s) by %s, %s: %s\n", r.ID, Visible(strings.Join(r.Handles, " ")), Stamp(r.At), Ago(r.At, now), Visible(r.By), until, Visible(r.Reason))
	}
	return b.String()
}
