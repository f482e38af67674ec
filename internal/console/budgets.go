package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/policy"
)

// The verbs about budgets.
const (
	BudgetList  Verb = "budgets"       // one's own and those of one's agents; view: all
	BudgetReset Verb = "budgets.reset" // administer, with a reason; never one's own
)

// Budget is what an identity may use up, and what it has.
type Budget struct {
	Principal string        `json:"principal"`
	Of        string        `json:"of"` // "task:T-1" or "day:2026-11-28"
	Limits    policy.Budget `json:"limits"`
	Commands  int64         `json:"commands"`
	Denials   int64         `json:"denials"`
	Hosts     int64         `json:"hosts"`
	BytesOut  int64         `json:"bytes_out"` // live sessions with all that they were given
	Writes    int64         `json:"writes"`
	Wall      int64         `json:"wall"` // seconds; live sessions with all that they were given
	Sessions  int64         `json:"sessions"`
}

// Budgeter is the decider as budgets need it. Errors are a *ForbiddenError, a usage error, or that it could not be asked. Safe for
// concurrent use.
type Budgeter interface {
	// Budgets returns the budgets that count now: the caller's own and those of its agents; with all, everybody's, which needs view.
	Budgets(ctx context.Context, who Credential, all bool) ([]Budget, error)
	// ResetBudget gives a budget anew: of a principal's task, or of its day. The entry is durable when it returns.
	ResetBudget(ctx context.Context, who Credential, principal, task, reason string) (Budget, error)
}

func (in *invocation) budgeter() (Budgeter, error) {
	if in.c.cfg.Budgets == nil {
		return nil, errNoBudgets
	}
	return in.c.cfg.Budgets, nil
}

var errNoBudgets = fmt.Errorf("there are no budgets here")

type budgetsListCmd struct {
	All bool `help:"Of everybody."`
}

func (l *budgetsListCmd) Run(in *invocation) error {
	b, err := in.budgeter()
	if err != nil {
		return err
	}
	list, err := b.Budgets(in.ctx, in.who, l.All)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(append([]Budget{}, list...))
	}
	if len(list) == 0 {
		in.println("No budgets.")
	}
	for _, x := range list {
		in.printf("%s", x.Text())
	}
	return nil
}

// Text says for a person what is left.
func (b Budget) Text() string {
	var parts []string
	for _, x := range []struct {
		name        string
		used, limit int64
	}{{"commands", b.Commands, b.Limits.Commands}, {"denials", b.Denials, b.Limits.Denials}, {"hosts", b.Hosts, b.Limits.Hosts}, {"bytes out", b.BytesOut, b.Limits.BytesOut}, {"writes", b.Writes, b.Limits.Writes}, {"sessions", b.Sessions, b.Limits.Sessions}} {
		if x.limit > 0 {
			parts = append(parts, fmt.Sprintf("%s %d of %d", x.name, x.used, x.limit))
		}
	}
	if b.Limits.Wall > 0 {
		parts = append(parts, fmt.Sprintf("wall time %s of %s", time.Duration(b.Wall)*time.Second, time.Duration(b.Limits.Wall)*time.Second))
	}
	return fmt.Sprintf("%s  %s  %s\n", Visible(b.Principal), Visible(b.Of), strings.Join(parts, ", "))
}

type budgetsResetCmd struct {
	Principal string `arg:"" help:"agent:NAME or person:NAME."`
	Task      string `help:"Of which task, where the budget is per task." placeholder:"TEXT"`
	Reason    string `help:"Why, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

func (r *budgetsResetCmd) Run(in *invocation) error {
	b, err := in.budgeter()
	if err != nil {
		return err
	}
	reason, err := line("a reason", r.Reason)
	if err != nil {
		return err
	}
	out, err := b.ResetBudget(in.ctx, in.who, r.Principal, r.Task, reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(out)
	}
	in.printf("%s", out.Text())
	return nil
}
