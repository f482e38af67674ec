package decider

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// TestReviewersWithoutAGroup: a break-glass whose policy names nobody is reviewed by those with the right to review, and by nobody else who
// merely may act.
func TestReviewersWithoutAGroup(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		s = strings.Replace(s, ", review: {approvals: 2, from: [sre]}", "", 1)
		return strings.Replace(s, "viewer: {rights: [view]}", "viewer: {rights: [view, review]}", 1)
	})
	r, err := b.breakGlass("ann", glassOrder)
	b.must(err)
	_, err = b.door.EndGrants(t.Context(), b.in["ann"], r.Grant, "over")
	b.must(err)
	for person, may := range map[string]bool{"sam": false, "uma": false, "nan": true} {
		if _, err := b.door.Review(t.Context(), b.in[person], r.Grant, "fine"); (err == nil) != may || err != nil && !isForbidden(err) {
			t.Errorf("%s: %v", person, err)
		}
	}
}

// TestBreakGlassUnderALock: what a lock stands against is not taken in an emergency either, not even for the time after the lock.
func TestBreakGlassUnderALock(t *testing.T) {
	b := newAccessBench(t)
	c, err := b.door.Challenge(t.Context(), b.in["ann"], "", &glassOrder, "passkey")
	b.must(err)
	_, err = b.door.Lock(t.Context(), b.in["ann"], console.LockOrder{What: access.Subject{Kind: access.LockTarget, Value: "web-1"}, Reason: "an incident"})
	b.must(err)
	order := glassOrder
	order.Proof = &console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["ann"].get(c.Options)}
	if r, err := b.door.Ask(t.Context(), b.in["ann"], order); !isForbidden(err) {
		t.Errorf("proven before the lock: %s, %v", r.State, err)
	}
	if r, err := b.breakGlass("ann", glassOrder); !isForbidden(err) {
		t.Errorf("under the lock: %s, %v", r.State, err)
	}
	if live := b.d.access.LiveGrants(nil); len(live) != 0 {
		t.Errorf("%+v", live)
	}
}

// TestOthersRequestsStayUnknown: who has nothing to do with a request learns nothing of it by trying to answer it, whole id or a beginning:
// the words are those for an id that nobody has.
func TestOthersRequestsStayUnknown(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		return strings.Replace(s, "sre: [person:vic, person:uma, person:sam]", "sre: [person:vic, person:uma]", 1)
	})
	r := b.pending("bot", "printf", "x")
	try := func(person, name string) string {
		_, asked := b.door.Challenge(t.Context(), b.in[person], name, nil, "passkey")
		_, said := b.door.Answer(t.Context(), b.in[person], console.AccessAnswer{Request: name})
		if asked == nil || said == nil {
			t.Fatalf("%s: %v, %v", person, asked, said)
		}
		return strings.ReplaceAll(asked.Error()+"\n"+said.Error(), name, "ID")
	}
	unknown := try("sam", "ar_01JDABCDEFGHJKMNPQRSTVWXYZ")
	for _, name := range []string{r.ID, r.ID[:16]} {
		if got := try("sam", name); got != unknown {
			t.Errorf("%s: %q, not %q", name, got, unknown)
		}
	}
	b.approved("vic", r.ID)
	if got := try("uma", r.ID); !strings.Contains(got, "approved") {
		t.Errorf("an approver who comes late: %q", got)
	}
}

// TestOneUseTwoTransfers: a grant that is good for one use lets the files of one transfer be written. One that lost the race for it does
// not run by it because it tried.
func TestOneUseTwoTransfers(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		s = strings.Replace(s, "    env: [LANG]\n", "    env: [LANG]\n    files: {write: [\"/tmp/*\"]}\n", 1)
		return strings.Replace(s, "from: [sre], for: 30m}", "from: [sre], for: 30m, uses: 1}", 1)
	})
	conn := b.connect(policy.Agent, "bot")
	won, _ := b.transfer(conn)
	lost, _ := b.transfer(conn)
	b.writer(conn)
	write := func(session string) protocol.File {
		return protocol.File{Session: session, Op: policy.OpWrite, Path: []byte("/srv/a"), Asked: []byte("/srv/a"), Home: "/home/deploy", Kind: policy.PathFile}
	}
	first, err := b.d.ruleFile(write(won))
	b.must(err)
	second, err := b.d.ruleFile(write(lost))
	b.must(err)
	if out, err := b.d.allowFile(t.Context(), first); err != nil || !out.Allowed {
		t.Fatalf("%+v, %v", out, err)
	}
	if out, err := b.d.allowFile(t.Context(), second); !errors.Is(err, errSpent) {
		t.Errorf("%+v, %v", out, err)
	}
	for session, may := range map[string]bool{won: true, lost: false} {
		if out, err := b.door.File(t.Context(), write(session)); err != nil || out.Allowed != may {
			t.Errorf("allowed: %v, %v; want %v", out.Allowed, err, may)
		}
	}
}

// TestAnotherMachineByTheSameName: what people approved for a target is not for the machine that gets its name, whether asked, given or
// running, and not across a restart.
func TestAnotherMachineByTheSameName(t *testing.T) {
	for name, again := range map[string]func(*accessBench){
		"reload": func(b *accessBench) {
			_, err := admin[protocol.Reloaded](b.bench, protocol.OpReload, protocol.Empty{})
			b.must(err)
		},
		"restart": func(b *accessBench) { b.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newAccessBench(t)
			conn := b.connect(policy.Agent, "bot")
			asked := b.asks(b.question(conn, "printf", "x")).Request
			given := b.writer(conn)
			q := b.question(conn, "tee", "x")
			b.runs(q)
			b.write("targets.yaml", strings.Replace(testTargets, "127.0.0.1:1\"", "127.0.0.1:3\"", 1))
			again(b)
			if name == "reload" {
				if why := b.revokedFor(q.Session); !strings.Contains(why, "another machine") {
					t.Errorf("%q", why)
				}
			}
			if got := b.request(asked.ID); got.State != access.Void {
				t.Errorf("the request is %s", got.State)
			}
			if g, ok := b.d.access.Grant(given.Grant); ok {
				t.Errorf("the grant lives: %+v", g)
			}
		})
	}
}
