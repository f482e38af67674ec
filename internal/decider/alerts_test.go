package decider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testsink"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// newAlertBench is a decider with a door that lends streams, and a channel to a real receiver.
func newAlertBench(t *testing.T) (*bench, *testsink.Hook) {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64), trusts: make(chan protocol.Trust, 64)}
	hook := testsink.NewHook(t, b.dir)
	b.write("policy.yaml", strings.Replace(testPolicy, "people: {", "people: {adm: {roles: [admin]}, ", 1)+"  admin: {rights: [administer, view]}\n")
	b.write("targets.yaml", testTargets)
	b.write("key", "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	cfg := b.config()
	cfg.Alerts = []config.AlertChannel{{Name: "ops", Kind: config.AlertWebhook, URL: hook.URL(), SecretFile: filepath.Join(b.dir, "key"), CA: filepath.Join(b.dir, "ca.pem"), MinSeverity: "info", PerHour: 1000, Runbooks: "r"}}
	d, err := Open(context.Background(), cfg)
	b.must(err)
	b.d = d
	t.Cleanup(func() { _ = d.Close() })
	b.connectDoor()
	return b, hook
}

// arrived are the kinds that the receiver has.
func arrived(t *testing.T, hook *testsink.Hook) (kinds []string) {
	t.Helper()
	posts, _ := hook.Got()
	for _, p := range posts {
		var e struct{ Type string }
		if err := json.Unmarshal(p.Body, &e); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, strings.TrimPrefix(e.Type, "gatehouse.alert."))
	}
	return kinds
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// TestAlertsThroughTheDoor: what happens is told over a stream that the door lends, which may reach the receiver and nothing beside it;
// alerts are listed for who may view, tested and sent again by who may administer, each with its entry first.
func TestAlertsThroughTheDoor(t *testing.T) {
	b, hook := newAlertBench(t)
	host, port := "127.0.0.1", hook.Port()
	if !b.d.mayReach(host, port) || b.d.mayReach(host, port+1) || b.d.mayReach("localhost", port) {
		t.Error("the list of what may be reached is not the channels' addresses")
	}
	ann := console.Credential{Connection: b.connect(policy.Person, "ann")}
	adm := console.Credential{Connection: b.connect(policy.Person, "adm")}
	nan := console.Credential{Connection: b.connect(policy.Person, "nan")}
	lock, err := b.door.Lock(t.Context(), ann, console.LockOrder{What: access.Subject{Kind: access.LockAgent, Value: "bot"}, Reason: "runs away"})
	b.must(err)
	eventually(t, "the lock is told", func() bool { return slices.Contains(arrived(t, hook), "lock") })
	page, err := b.door.Alerts(t.Context(), ann, console.AlertFilter{})
	b.must(err)
	if len(page.List) == 0 || page.List[0].Subject != lock.Lock.ID || len(page.Channels) != 1 {
		t.Fatalf("%+v", page)
	}
	id := page.List[0].ID
	tests := func() (n int) {
		for _, kind := range arrived(t, hook) {
			if kind == "test" {
				n++
			}
		}
		return n
	}
	for who, want := range map[console.Credential]bool{ann: false, nan: false, adm: true} {
		before := tests()
		tested, err := b.door.TestAlerts(t.Context(), who, "ops")
		if (err == nil) != want || want && (len(tested) != 1 || tested[0].Problem != "") || !want && tests() != before {
			t.Errorf("test: %+v, %v", tested, err)
		}
		if _, err := b.door.ResendAlert(t.Context(), who, "ops", id[:20]); (err == nil) != want {
			t.Errorf("resend: %v", err)
		}
	}
	if _, err := b.door.Alerts(t.Context(), nan, console.AlertFilter{}); err == nil {
		t.Error("somebody without rights reads alerts")
	}
	eventually(t, "it was sent again", func() bool {
		n := 0
		for _, k := range arrived(t, hook) {
			if k == "lock" {
				n++
			}
		}
		return n == 2
	})
	outcomes := map[string]int{}
	for _, e := range b.entries() {
		if e.Type == audit.Alert {
			outcomes[e.Actor+" "+e.Outcome]++
		}
	}
	if outcomes["person:adm tested"] != 1 || outcomes["person:adm resent"] != 1 || outcomes["person:ann deny"] != 2 || outcomes["person:nan deny"] != 2 {
		t.Errorf("%v", outcomes)
	}
}

// TestNoAlertApproves: nothing that an alert holds is a proof or a link with a secret: the page's address is the request's name alone.
func TestNoAlertApproves(t *testing.T) {
	b, hook := newAlertBench(t)
	const request = "ar_01JDABCDEFGHJKMNPQRSTVWXYZ"
	b.must(b.d.append(t.Context(), audit.Entry{Type: audit.AccessRequest, Actor: "agent:bot", Object: request, Outcome: "pending", Data: json.RawMessage(`{"holder":"agent:bot"}`)}))
	eventually(t, "the request is told", func() bool { return len(arrived(t, hook)) == 1 })
	posts, _ := hook.Got()
	var e struct{ Data struct{ Link string } }
	b.must(json.Unmarshal(posts[0].Body, &e))
	if e.Data.Link != "http://localhost:1/requests/"+request {
		t.Errorf("link %q", e.Data.Link)
	}
}
