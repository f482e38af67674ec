package protocol

import (
	"context"

	"gatehouse/internal/console"
)

// Operations about budgets.
const (
	OpBudgets     Op = "budgets"      // BudgetOrder → console.Budgets
	OpBudgetReset Op = "budget_reset" // BudgetOrder → BudgetsReset
)

// BudgetOrder names whose budgets, and why they begin anew. Principal "*" is all, an empty one whoever asks.
type BudgetOrder struct {
	Who       Credential `json:"who"`
	Principal string     `json:"principal,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

// BudgetsReset is how many budgets begin anew.
type BudgetsReset struct {
	Reset int64 `json:"reset"`
}

var _ console.Budgeter = Door{}

// Budgets returns what is left of budgets.
func (d Door) Budgets(ctx context.Context, who console.Credential, principal string) (console.Budgets, error) {
	return askAccess[console.Budgets](ctx, d, console.BudgetList, OpBudgets, BudgetOrder{Who: credential(who), Principal: principal})
}

// ResetBudget gives a principal its budgets anew.
func (d Door) ResetBudget(ctx context.Context, who console.Credential, principal, reason string) (int64, error) {
	out, err := askAccess[BudgetsReset](ctx, d, console.BudgetReset, OpBudgetReset, BudgetOrder{Who: credential(who), Principal: principal, Reason: reason})
	return out.Reset, err
}
