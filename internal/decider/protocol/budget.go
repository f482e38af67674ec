package protocol

import (
	"context"

	"gatehouse/internal/console"
)

// Operations about budgets.
const (
	OpBudgets     Op = "budgets"      // ListBudgets → Budgets
	OpBudgetReset Op = "budget_reset" // ResetBudget → console.Budget
)

// ListBudgets asks for the budgets that count now.
type ListBudgets struct {
	Who Credential `json:"who"`
	All bool       `json:"all,omitempty"`
}

// Budgets are budgets, by principal.
type Budgets struct {
	List []console.Budget `json:"list"`
}

// ResetBudget gives a budget anew.
type ResetBudget struct {
	Who       Credential `json:"who"`
	Principal string     `json:"principal"`
	Task      string     `json:"task,omitempty"`
	Reason    string     `json:"reason"`
}

var _ console.Budgeter = Door{}

// Budgets lists what was used up.
func (d Door) Budgets(ctx context.Context, who console.Credential, all bool) ([]console.Budget, error) {
	out, err := askAccess[Budgets](ctx, d, console.BudgetList, OpBudgets, ListBudgets{Who: credential(who), All: all})
	return out.List, err
}

// ResetBudget gives a budget anew.
func (d Door) ResetBudget(ctx context.Context, who console.Credential, principal, task, reason string) (console.Budget, error) {
	return askAccess[console.Budget](ctx, d, console.BudgetReset, OpBudgetReset, ResetBudget{Who: credential(who), Principal: principal, Task: task, Reason: reason})
}
