package console

import (
	"errors"
	"fmt"
	"time"
)

// errNoBudgets is answered where budgets are not to be had.
var errNoBudgets = errors.New("there are no budgets here")

func (in *invocation) budgeter() (Budgeter, error) {
	if in.c.cfg.Budgets == nil {
		return nil, errNoBudgets
	}
	return in.c.cfg.Budgets, nil
}

type budgetsListCmd struct {
	Of  string `help:"Those of this principal." placeholder:"PRINCIPAL" xor:"of"`
	All bool   `help:"All from which something was spent." xor:"of"`
}

func (l *budgetsListCmd) Run(in *invocation) error {
	b, err := in.budgeter()
	if err != nil {
		return err
	}
	of := l.Of
	if l.All {
		of = "*"
	}
	got, err := b.Budgets(in.ctx, in.who, of)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(got)
	}
	for _, x := range got.List {
		in.printf("%s %s\n", Visible(x.Principal), Visible(budgetOf(x)))
		for _, line := range x.Limits {
			in.printf("  %-9s  %s left of %s\n", Visible(line.What), budgetAmount(line.What, line.Left), budgetAmount(line.What, line.Limit))
		}
	}
	if len(got.List) == 0 {
		in.println("No budgets.")
	}
	if got.More {
		in.println("There are more; name one: budgets list --of PRINCIPAL")
	}
	return nil
}

// budgetOf says what a budget is for.
func budgetOf(b Budget) string {
	switch {
	case b.Day != "":
		return "on " + b.Day + " (UTC)"
	case b.Task != "":
		return "for the task " + b.Task
	}
	return "for work without a task"
}

func budgetAmount(what string, n int64) string {
	if what == "wall" {
		return (time.Duration(n) * time.Second).String()
	}
	return fmt.Sprint(n)
}

type budgetsResetCmd struct {
	Principal string `arg:"" help:"Whose: agent:NAME or person:NAME."`
	Reason    string `required:"" help:"Why; it is in the audit log."`
}

func (r *budgetsResetCmd) Run(in *invocation) error {
	b, err := in.budgeter()
	if err != nil {
		return err
	}
	n, err := b.ResetBudget(in.ctx, in.who, r.Principal, r.Reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(map[string]int64{"reset": n})
	}
	in.printf("%s of %s begins anew; what live sessions have booked stays booked\n", count(int(n), "budget"), Visible(r.Principal))
	return nil
}
