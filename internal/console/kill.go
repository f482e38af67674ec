package console

import (
	"context"
	"errors"
	"fmt"
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

// KillChoice says what to kill, pause or resume: exactly one field is set.
type KillChoice struct {
	Session    string // an id, or a unique beginning of one
	Connection string // an id
	Identity   string // a principal
	Owner      string // "person:ann", "group:web": its agents
	Task       string
	Target     string
	Group      string // its members, and the agents that it or one of them owns
	Rule       string // of the policy
	All        bool
}

func (k KillChoice) fields() map[string]string {
	return map[string]string{"": k.Session, "connection:": k.Connection, "identity": k.Identity, "owner:": k.Owner, "task:": k.Task, "target:": k.Target, "group:": k.Group, "rule:": k.Rule}
}

func (k KillChoice) valid() bool {
	n := 0
	for _, name := range k.fields() {
		if len(name) > maxName || Visible(name) != name {
			return false
		}
		if name != "" {
			n++
		}
	}
	if k.All {
		n++
	}
	return n == 1
}

// object is what the audit entry says was meant.
func (k KillChoice) object() string {
	if k.All {
		return "all"
	}
	if k.Identity != "" {
		return k.Identity
	}
	for kind, name := range k.fields() {
		if name != "" {
			return kind + name
		}
	}
	return ""
}

// Kill ends live sessions and reports what came of it. The reason stands in the audit log, the recordings and what the
// killed client is told.
func (c *Console) Kill(ctx context.Context, who Credential, choice KillChoice, reason string) (KillReport, error) {
	order, err := c.stopOrder(ctx, who, SessionsKill, choice, reason)
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

type killCmd struct {
	scopeFlags `embed:""`
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
	if s.Left > 0 {
		line += fmt.Sprintf(", %d LEFT", s.Left)
	}
	if s.Sibling {
		line += " (shared the killed one's connection)"
	}
	for _, r := range s.Residue {
		line += "\n  left behind: " + Visible(r)
	}
	return line
}
