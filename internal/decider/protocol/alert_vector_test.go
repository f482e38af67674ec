package protocol

import "gatehouse/internal/console"

// alertBodies are the bodies of operations about alerts, as in bodies.
func alertBodies() map[Op][2]any {
	order := AlertOrder{Who: Credential{SignIn: "cookie"}, By: "root", Channel: "ops", Alert: "alt_01JDABCDEFGHJKMNPQRSTVWXYZ"}
	tested := AlertsTested{List: []console.AlertTested{{Channel: "ops", Problem: "away"}}}
	return map[Op][2]any{
		OpAlerts: {ListAlerts{Who: order.Who, By: "root", Filter: console.AlertFilter{Dead: true, Before: order.Alert}}, console.AlertPage{
			List: []console.Alert{{ID: order.Alert, Kind: "lock", Severity: "warning", Subject: "lck_1", Title: "t", Text: "x", Runbook: "#r", Path: "/locks", Time: at, Seq: 7, Count: 2,
				Deliveries: []console.AlertDelivery{{Channel: "ops", State: "waiting", Tries: 1, Due: at, Done: at, Why: "w"}}}},
			Next: order.Alert, Channels: []console.AlertChannel{{Name: "ops", Up: true, Problem: "p", Waiting: 1, Held: 2, Dead: 3}}}},
		OpAlertTest:   {order, tested},
		OpAlertResend: {order, AlertsResent{Waiting: 3}},
		OpAlertProbe:  {order, tested},
	}
}

// alertOrder follows lockOrder.
var alertOrder = []Op{OpAlerts, OpAlertTest, OpAlertResend, OpAlertProbe}
