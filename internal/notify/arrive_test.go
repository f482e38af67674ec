package notify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// lockEntries are the life of a lock: three alerts of one subject, in this order.
func lockEntries(i int) []audit.Entry {
	name := fmt.Sprintf("lck_%02d", i)
	about := json.RawMessage(fmt.Sprintf(`{"lock":{"id":%q,"what":{"kind":"agent","value":"bot-%d"}}}`, name, i))
	var out []audit.Entry
	for _, outcome := range []string{"locked", "wanted", "lifted"} {
		out = append(out, audit.Entry{Type: audit.AccessLock, Actor: "person:ann", Object: name, Outcome: outcome, Reason: "drill", Data: about})
	}
	return out
}

// TestArriveThroughAReceiverThatFails: half of the requests go wrong, in seven ways, and the process is ended again and again in the
// middle. Every alert arrives, no two have one id for two things, nothing is lost, and each subject's come in their order.
func TestArriveThroughAReceiverThatFails(t *testing.T) {
	b := newBench(t)
	hook := testsink.NewHook(t, b.dir)
	hook.Check = func(r *http.Request, body []byte) error { return verify(testKey, r.Header, body) }
	hook.Fail(0.5)
	channel := b.hook("ops", hook.URL(), b.path("ca.pem"))
	b.start(channel)
	const locks = 12
	for i := range locks {
		for _, e := range lockEntries(i) {
			b.add(e)
		}
		if i%4 == 3 { // ended while some are under way, some not yet made
			b.halt()
			b.start(channel)
		}
	}
	want := 3 * locks
	b.until("all have arrived", func() bool { return len(unique(t, hook)) >= want && b.n.Stats(t.Context())[0].Waiting == 0 })
	got := unique(t, hook)
	if len(got) != want {
		t.Fatalf("%d alerts arrived, want %d", len(got), want)
	}
	of := map[string][]string{}
	for _, e := range got {
		of[e.Subject] = append(of[e.Subject], e.Data.Kind)
	}
	for subject, kinds := range of {
		if !slices.Equal(kinds, []string{"lock", "lock.wanted_lifted", "lock.lifted"}) {
			t.Errorf("%s came as %q", subject, kinds)
		}
	}
	if taken, tries := hook.Got(); tries < want+want/3 || len(taken) <= want {
		t.Errorf("%d tries and %d takings: the receiver did not fail as it should", tries, len(taken))
	}
}

// unique are the alerts that arrived, by their ids, as a receiver sees them first. A repetition has the same bytes.
func unique(t *testing.T, hook *testsink.Hook) (list []cloudEvent) {
	t.Helper()
	seen := map[string]string{}
	taken, _ := hook.Got()
	for _, post := range taken {
		var e cloudEvent
		if err := json.Unmarshal(post.Body, &e); err != nil {
			t.Fatal(err)
		}
		if was, again := seen[e.ID]; again {
			if was != string(post.Body) {
				t.Errorf("%s came with other bytes", e.ID)
			}
			continue
		}
		if post.Header.Get("webhook-id") != e.ID {
			t.Errorf("webhook-id %s, id %s", post.Header.Get("webhook-id"), e.ID)
		}
		seen[e.ID] = string(post.Body)
		list = append(list, e)
	}
	return list
}

// verify is what docs/alerts.md tells receivers to do.
func verify(key []byte, h http.Header, body []byte) error {
	for _, one := range strings.Fields(h.Get("webhook-signature")) {
		if one == Sign(key, h.Get("webhook-id"), h.Get("webhook-timestamp"), body) {
			return nil
		}
	}
	return fmt.Errorf("signature %q is not of these bytes", h.Get("webhook-signature"))
}

// TestSignature: the example of the Standard Webhooks specification.
func TestSignature(t *testing.T) {
	key, err := ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if got := Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
	for _, bad := range []string{"", "whsec_", "whsec_short", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}
