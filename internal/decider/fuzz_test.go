package decider

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

var doorOps = []protocol.Op{protocol.OpHello, protocol.OpAuthenticate, protocol.OpFace, protocol.OpDecide, protocol.OpRefuse, protocol.OpChunk, protocol.OpEnd,
	protocol.OpClose, protocol.OpAuthorize, protocol.OpSweep, protocol.OpMintLink, protocol.OpRedeem, protocol.OpSignOut, "reload", ""}

// FuzzDoorRequest: whatever bodies a door sends, the decider does not panic, and gives a certificate or permit only with an
// allowing decision for what the policy allows.
func FuzzDoorRequest(f *testing.F) {
	b := newBench(f)
	conn := b.connect(policy.Agent, "bot")
	add := func(op int, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(op, string(body))
	}
	add(1, protocol.Authenticate{Connection: b.id(id.Connection), Certificate: b.issued(policy.Agent, "bot", time.Minute), Source: "192.0.2.1", Proven: true})
	add(2, protocol.Face{PublicKey: b.question(conn, "id").PublicKey, Target: "web-1"})
	for _, argv := range [][]string{{"echo", "x"}, {"printf", "x"}, {"rm", "x"}} {
		q := b.question(conn, argv...)
		q.Env = []policy.EnvVar{{Name: "LANG", Value: "C"}}
		add(3, q)
	}
	q := b.question(conn, "echo", "x")
	q.Plan = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{run("echo", "a"), run("echo", "b")}}
	q.Target, q.Login, q.PTY = "bastion-host", "ops", true
	add(3, q)
	add(4, protocol.Refuse{Connection: conn})
	add(5, protocol.Chunk{Session: q.Session})
	add(6, protocol.End{Session: q.Session})
	add(8, protocol.Authorize{Who: protocol.Credential{Connection: conn}, Verb: "kill", Object: q.Session})
	add(9, protocol.Sweep{Session: q.Session, Target: "web-1", Login: "deploy", PublicKey: q.PublicKey})
	add(11, protocol.Redeem{Token: "x"})
	f.Add(3, `{"plan":`+strings.Repeat(`{"parts":[`, 5000))
	kept := b.d.conns[conn]
	f.Fuzz(func(t *testing.T, op int, body string) {
		b.d.mu.Lock() // as at the beginning, so that one input does one thing
		clear(b.d.conns)
		clear(b.d.sessions)
		b.d.conns[conn], b.d.held, kept.ended = kept, 0, ""
		b.d.mu.Unlock()
		name := doorOps[uint(op)%uint(len(doorOps))]
		out, err := b.d.handleDoor(context.Background(), name, json.RawMessage(body))
		got, ok := out.(protocol.Decided)
		if err != nil || !ok {
			return
		}
		if (got.Certificate != nil || got.Permit != nil || got.Line != "") && got.Decision.Verdict != policy.Allow {
			t.Fatalf("%s %s: %+v", name, body, got)
		}
		if got.Decision.Verdict != policy.Allow {
			return
		}
		var in protocol.Decide
		if err := protocol.Decode([]byte(body), &in); err != nil {
			t.Fatalf("allowed %q", body)
		}
		for _, argv := range in.Plan.Commands() {
			if argv[0] != "echo" && argv[0] != "top" && argv[0] != "printf" {
				t.Fatalf("allowed %q", argv)
			}
		}
	})
}
