package console

import (
	"context"
	"time"
)

// The verbs about budgets. Everybody sees their own; those of all need the right to view.
const (
	BudgetList  Verb = "budgets"
	BudgetReset Verb = "budgets.reset" // administer
)

// Budget is what a principal may use up for a task or in a day, and what of it is spent.
type Budget struct {
	Principal string       `json:"principal"`
	Per       string       `json:"per"` // task, day
	Task      string       `json:"task,omitempty"`
	Day       string       `json:"day,omitempty"` // of UTC
	Limits    []BudgetLine `json:"limits"`
	At        time.Time    `json:"at,omitzero"` // when something was spent last
}

// BudgetLine is one limit of a budget.
type BudgetLine struct {
	What  string `json:"what"`  // commands, denials, hosts, bytes_out, writes, wall, sessions
	Limit int64  `json:"limit"` // wall: seconds
	Spent int64  `json:"spent"` // with what live sessions have booked
	Left  int64  `json:"left"`
}

// Budgets are the first of a list.
type Budgets struct {
	List []Budget `json:"list"`
	More bool     `json:"more,omitempty"` // there are more than are listed
}

// Budgeter is the decider as budgets need it. Errors are a *ForbiddenError, a usage error, or that it could not be asked. Safe for
// concurrent use.
type Budgeter interface {
	// Budgets returns those of a principal, of all that were spent from with "*", the caller's own with an empty one.
	Budgets(ctx context.Context, who Credential, principal string) (Budgets, error)
	// ResetBudget gives a principal its budgets anew; it returns how many something was spent from. The audit log has it first.
	ResetBudget(ctx context.Context, who Credential, principal, reason string) (int64, error)
}
