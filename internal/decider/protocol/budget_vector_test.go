package protocol

import "gatehouse/internal/console"

// budgetBodies are the bodies of operations about budgets, as in bodies.
func budgetBodies() map[Op][2]any {
	order := BudgetOrder{Who: Credential{SignIn: "cookie"}, Principal: "agent:bot", Reason: "r"}
	return map[Op][2]any{
		OpBudgets: {order, console.Budgets{List: []console.Budget{{Principal: "agent:bot", Per: "task", Task: "T-1", Day: "2026-11-28", At: at,
			Limits: []console.BudgetLine{{What: "commands", Limit: 3, Spent: 1, Left: 2}}}}, More: true}},
		OpBudgetReset: {order, BudgetsReset{Reset: 1}},
	}
}

// budgetOrder follows alertOrder.
var budgetOrder = []Op{OpBudgets, OpBudgetReset}
