package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/store"
)

// ErrNotLive is returned by Kill when there is nothing to kill; ErrReason when the reason is missing or no single line.
var (
	ErrNotLive = errors.New("no live session")
	ErrReason  = errors.New("a kill needs a reason: one line of at most 500 characters")
)

const (
	maxReason = 500 // characters
	maxName   = 200 // bytes of a principal or a target
)

// KillChoice says what to kill: exactly one field is set.
type KillChoice struct {
	Session  string // an id, or a unique beginning of one
	Identity string // a principal
	Target   string
	All      bool
}

func (k KillChoice) valid() bool {
	n := 0
	for _, set := range []bool{k.Session != "", k.Identity != "", k.Target != "", k.All} {
		if set {
			n++
		}
	}
	name := k.Identity + k.Target
	return n == 1 && len(name) <= maxName && Visible(name) == name
}

// object is what the audit entry says was to be killed.
func (k KillChoice) object() string {
	switch {
	case k.All:
		return "all"
	case k.Target != "":
		return "target:" + k.Target
	default:
		return k.Identity
	}
}

// Kill ends live sessions and reports what came of it. The reason stands in the audit log, the recordings and what the
// killed client is told.
func (c *Console) Kill(ctx context.Context, who Credential, choice KillChoice, reason string) (KillReport, error) {
	if !choice.valid() {
		return KillReport{}, usagef("name exactly one of a session, an agent, a target or all")
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || Visible(reason) != reason {
		return KillReport{}, ErrReason
	}
	order, err := c.killOrder(ctx, who, choice, reason)
	if err != nil {
		return KillReport{}, err
	}
	report, err := c.cfg.Kill.Kill(ctx, order)
	if err != nil {
		return report, fmt.Errorf("kill: %w", err)
	}
	if len(report.Sessions) == 0 {
		return report, ErrNotLive
	}
	return report, nil
}

// killOrder authorises the kill. A session that has ended is still authorised first, so that the refusal comes first too.
func (c *Console) killOrder(ctx context.Context, who Credential, choice KillChoice, reason string) (KillOrder, error) {
	if choice.Session == "" {
		by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsKill, choice.object(), reason)
		return KillOrder{Identity: choice.Identity, Target: choice.Target, All: choice.All, By: by, Reason: reason}, err
	}
	by, s, err := c.session(ctx, who, SessionsKill, choice.Session, reason)
	if err != nil {
		return KillOrder{}, err
	}
	if s.State != store.Live {
		return KillOrder{}, fmt.Errorf("%w: %s is %s since %s", ErrNotLive, s.ID, s.State, Stamp(s.EndedAt))
	}
	return KillOrder{Session: s.ID, By: by, Reason: reason}, nil
}

type killCmd struct {
	ID     string `arg:"" optional:"" help:"The session, or a unique beginning of its id."`
	Agent  string `help:"Kill every session of this agent." placeholder:"NAME"`
	Person string `help:"Kill every session of this person." placeholder:"NAME"`
	Target string `help:"Kill every session on this target." placeholder:"NAME"`
	All    bool   `help:"Kill every session."`
	Reason string `help:"Why, in one line; it is recorded and shown to the client." required:"" placeholder:"TEXT"`
}

func (k *killCmd) choice() (KillChoice, error) {
	choice := KillChoice{Session: k.ID, Target: k.Target, All: k.All}
	if k.Agent != "" && k.Person != "" {
		return choice, usagef("--agent and --person exclude each other")
	}
	if k.Agent != "" {
		choice.Identity = "agent:" + strings.TrimPrefix(k.Agent, "agent:")
	}
	if k.Person != "" {
		choice.Identity = "person:" + strings.TrimPrefix(k.Person, "person:")
	}
	return choice, nil
}

func (k *killCmd) Run(in *invocation) error {
	choice, err := k.choice()
	if err != nil {
		return err
	}
	report, err := in.c.Kill(in.ctx, in.who, choice, k.Reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(report)
	}
	for _, s := range report.Sessions {
		in.println(killLine(s))
	}
	return nil
}

func killLine(s KilledSession) string {
	line := fmt.Sprintf("%s killed: client cut off after %s, ", s.ID, Took(s.Closed))
	if s.Remote == "ended" {
		line += "process on the target ended"
	} else {
		line += "process on the target UNCONFIRMED"
	}
	if s.Sibling {
		line += " (shared the killed one's connection)"
	}
	return line
}
