package decider

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestRevokeWhileConnecting: whenever a revocation comes between a certificate's check and the moment in which its connection
// may ask for things, it holds.
func TestRevokeWhileConnecting(t *testing.T) {
	b := newBench(t)
	cert := b.issued(policy.Agent, "bot", 10*time.Minute)
	in := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: cert, Source: "192.0.2.1", Proven: true}
	source := netip.MustParseAddr(in.Source)
	v, who, err := b.d.identify(cert, source)
	b.must(err)
	first := b.revoke("after the check", "agent:bot")
	c := held(v, source)
	c.id = in.Connection
	if err := b.d.register(t.Context(), in, c, who, v.KeyID); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "after the check") {
		t.Errorf("after the check: %v", err)
	}
	b.lift(first.ID)
	c = held(v, source)
	c.id = b.id(id.Connection)
	b.must(b.d.keepConnection(c, ""))
	if r := b.revoke("while it is noted", "agent:bot"); r.Connections != 1 {
		t.Errorf("%+v", r)
	}
	if why := b.d.openConnection(c); !strings.Contains(why, "while it is noted") {
		t.Errorf("while it is noted: %q", why)
	}
	if last := lastOf(b, audit.ConnRefused); !strings.Contains(last.Reason, "after the check") {
		t.Errorf("the log says %+v", last)
	}
}

// TestRevokeAmongMany: while fifty connect again and again, each connection that came to life before the revocation is ended by
// it, and none comes to life after it.
func TestRevokeAmongMany(t *testing.T) {
	b := newBench(t)
	cert := b.issued(policy.Agent, "bot", 10*time.Minute)
	var mu sync.Mutex
	var lived []string
	var work sync.WaitGroup
	revoked, begun := make(chan struct{}), make(chan struct{}, 50)
	for range 50 {
		work.Go(func() {
			for n := 0; ; n++ {
				conn := b.id(id.Connection)
				late := false
				select {
				case <-revoked:
					late = true
				default:
				}
				err := b.authenticate(conn, cert)
				if err == nil {
					mu.Lock()
					lived = append(lived, conn)
					mu.Unlock()
				}
				if late && err == nil {
					t.Error("a connection came to life after the revocation")
				}
				if late {
					return
				}
				if n == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 50 {
		<-begun
	}
	b.revoke("x", "agent:bot")
	close(revoked)
	work.Wait()
	if len(lived) < 50 {
		t.Fatalf("%d connections lived", len(lived))
	}
	for _, conn := range lived {
		if len(b.endings(conn)) == 0 {
			t.Errorf("the door was not told of %s", conn)
		}
		if err := b.askAs(conn, "web-1", "echo", "x"); code(err) != protocol.CodeRefused {
			t.Errorf("%s: %v", conn, err)
		}
	}
}

// TestRevokeSurvives: a restart forgets nothing, also where a crash came between the registry and the log.
func TestRevokeSurvives(t *testing.T) {
	b := newBench(t)
	cert := b.issued(policy.Agent, "bot", 10*time.Minute)
	lifted := b.revoke("one", "agent:bot")
	b.lift(lifted.ID)
	b.revoke("two", "task:x")
	torn := revoke.Revocation{ID: b.id(id.Revocation), By: "local:root", Reason: "torn", At: b.clock.now(), Handles: []revoke.Handle{{Kind: revoke.Agent, Value: "bot"}}}
	b.must(b.d.facts.AddRevocation(t.Context(), torn)) // and then the machine stops
	for range 2 {
		b.must(b.door.Close())
		<-b.door.Done()
		b.must(b.d.Close())
		b.open()
		b.connectDoor()
		if err := b.authenticate(b.id(id.Connection), cert); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "torn") {
			t.Errorf("after a restart: %v", err)
		}
	}
	list, err := admin[protocol.Revocations](b, protocol.OpRevocations, protocol.ListRevocations{By: "root"})
	if err != nil || len(list.List) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	noted := 0
	for _, e := range b.entries() {
		if e.Type == audit.Revoke && e.Reason == "torn" {
			noted++
		}
	}
	if noted != 1 {
		t.Errorf("the log has it %d times", noted)
	}
}

// TestRevokeBound: at the bound revocations are refused, until what is over makes room.
func TestRevokeBound(t *testing.T) {
	b := newBench(t)
	var list []revoke.Handle
	for i := range revoke.Max {
		list = append(list, revoke.Handle{Kind: revoke.Certificate, Value: fmt.Sprint(i + 1)})
	}
	b.d.revoked.Add(revoke.Revocation{ID: "rev_0", At: b.clock.now(), Handles: list})
	if _, err := admin[protocol.Revoked](b, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: []string{"agent:bot"}, Reason: "x"}); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "too many") {
		t.Errorf("over the bound: %v", err)
	}
	b.clock.pass(ca.MaxHostTTL + revokeMargin + time.Second)
	b.revoke("x", "agent:bot")
}

// TestNoRevocationWithoutEvidence: what the log cannot take is not in force, and not after a restart either.
func TestNoRevocationWithoutEvidence(t *testing.T) {
	b := newBench(t)
	b.must(b.d.log.Close())
	if _, err := admin[protocol.Revoked](b, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: []string{"agent:bot"}, Reason: "x"}); code(err) != protocol.CodeEvidence {
		t.Errorf("without a log: %v", err)
	}
	if all, _, err := b.d.facts.Revocations(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the registry has %+v, %v", all, err)
	}
	if len(b.d.revoked.Standing()) != 0 {
		t.Error("it stands")
	}
}

// TestOpenAfterKill: a kill while a connection is registered holds for it too.
func TestOpenAfterKill(t *testing.T) {
	b := newBench(t)
	v, _, err := b.d.identify(b.issued(policy.Agent, "bot", 10*time.Minute), netip.MustParseAddr("192.0.2.1"))
	b.must(err)
	c := held(v, netip.MustParseAddr("192.0.2.1"))
	c.id = b.id(id.Connection)
	b.must(b.d.keepConnection(c, ""))
	b.d.endConnections(scopeOf("agent:bot"), "person:ann", "ended by person:ann")
	if why := b.d.openConnection(c); why != "ended by person:ann" {
		t.Errorf("it came to life: %q", why)
	}
}

// TestRevokeUnread: a door that does not read holds no revocation up: each is in force at once, also the second.
func TestRevokeUnread(t *testing.T) {
	b := newBench(t)
	bot, other := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "other")
	ours, theirs := socketPair(t) // another door, which never reads; its buffer is full
	srv := protocol.NewServer(theirs, b.d.handleDoor, nil)
	b.d.mu.Lock()
	b.d.door = srv
	b.d.mu.Unlock()
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		for srv.Event(protocol.EventRevoke, protocol.RevokeEvent{Reason: strings.Repeat("x", 1<<16)}) == nil {
		}
	}()
	var work sync.WaitGroup
	for _, handle := range []string{"agent:bot", "agent:other"} {
		work.Go(func() {
			_, err := admin[protocol.Revoked](b, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: []string{handle}, Reason: "x"})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for _, conn := range []string{bot, other} {
		for deadline := time.Now().Add(10 * time.Second); ; {
			if _, _, err := b.d.connected(conn); code(err) == protocol.CodeRefused {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("a door that does not read holds a revocation up")
			}
			time.Sleep(time.Millisecond)
		}
	}
	b.must(ours.Close())
	work.Wait()
	<-filled
}
