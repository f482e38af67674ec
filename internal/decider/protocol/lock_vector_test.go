package protocol

import (
	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// lockBodies are the bodies of operations about locks, as in bodies.
func lockBodies() map[Op][2]any {
	who := Credential{SignIn: "cookie"}
	what := access.Subject{Kind: access.LockAgent, Value: "bot"}
	l := access.Lock{ID: "lck_01JDABCDEFGHJKMNPQRSTVWXYZ", What: what, Reason: "r", By: "person:ann", At: at, Until: at, Lifts: []string{"person:vic"}}
	name := AccessName{Who: who, By: "root", ID: l.ID, Words: "w"}
	return map[Op][2]any{
		OpLock: {Lock{Who: who, By: "root", Order: console.LockOrder{What: what, Reason: "r", Until: at}},
			console.LockReport{Lock: l, Connections: 1, Sessions: []string{ses}, SessionsAll: 1, Requests: 1, Grants: 1, Noted: true, Unknown: true}},
		OpUnlock: {name, l},
		OpLocks:  {name, Locks{List: []access.Lock{l}}},
	}
}

// lockOrder follows accessOrder.
var lockOrder = []Op{OpLock, OpUnlock, OpLocks}
