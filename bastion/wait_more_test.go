package bastion

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder"
)

func TestAWaitThatIsOverDeniesForNow(t *testing.T) {
	w, p := newWaiting(t, 300*time.Millisecond, Limits{})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	w.wait(c, "echo x", nil).ends(t, 126, "STILL WAITING", `"code":"approval_pending"`, p.request)
	if asked := p.questions(); asked[len(asked)-1].Await != p.request { // the decider has the last word
		t.Errorf("%+v", asked)
	}
}

// TestTheClientsWait: the variable reaches the decider, and neither the recording's environment nor the target.
func TestTheClientsWait(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	p.say(w, "yes")
	for value, want := range map[string]int64{"0": 0, "60": 60, "86400": 86400} {
		s, err := c.NewSession()
		w.must(err)
		w.must(s.Setenv(waitVariable, value))
		w.must(s.Setenv("LANG", "C"))
		w.must(s.Run("uname"))
		asked := p.questions()
		last := asked[len(asked)-1]
		if last.Wait == nil || *last.Wait != want || len(last.Env) != 1 || last.Env[0].Name != "LANG" {
			t.Errorf("%s: the decider was asked %+v", value, last)
		}
	}
	before := len(p.questions())
	for _, value := range []string{"", "-1", "86401", "1m", "0x10", "99999999999999999999", "\x1b[2J"} {
		s, err := c.NewSession()
		w.must(err)
		errs := &lockedText{}
		s.Stderr = errs
		w.must(s.Setenv(waitVariable, value))
		err = s.Run("uname")
		if exitStatus(err) != 126 || !containsAll(errs.String(), []string{"env_not_allowed", "takes a number of seconds from 0 to 86400"}) || strings.Contains(errs.String(), "\x1b") {
			t.Errorf("%q: %v, %q", value, err, errs.String())
		}
	}
	if len(p.questions()) != before {
		t.Error("the decider was asked all the same")
	}
}

// TestMoreVotesAndOtherRequests: whoever is woken without a decision goes on waiting; a command that has become another one says so.
func TestMoreVotesAndOtherRequests(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	r := w.wait(c, "echo x", nil)
	first := p.request
	p.say(w, "") // somebody has voted
	w.server.Access(protocol.AccessEvent{Requests: []string{"ar_another"}})
	p.mu.Lock()
	p.request = strings.Repeat("0", 3) + first
	p.mu.Unlock()
	w.server.Access(protocol.AccessEvent{Requests: []string{first}})
	r.heard(t, `"request":"`+first, `"request":"000`+first)
	p.say(w, "yes")
	r.session.Wait()
	if r.out.String() != "x\n" {
		t.Errorf("it printed %q, %q", r.out.String(), r.errs.String())
	}
}

func TestWaitingIsBounded(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{Waiting: 3, WaitingPerConnection: 2})
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	c := w.client("deploy@web-1", bot)
	first, second := w.wait(c, "echo 1", nil), w.wait(c, "echo 2", nil)
	refused := func(c *ssh.Client, limit string) {
		t.Helper()
		if _, errs, status := exec(c, "echo refused"); status != 126 || !containsAll(errs, []string{"too many commands wait for people already (" + limit + ")", "approval_pending", p.request}) {
			t.Errorf("%d %q", status, errs)
		}
	}
	refused(c, "waiting_per_connection")
	other := w.client("deploy@web-1", bot)
	third := w.wait(other, "echo 3", nil)
	refused(other, "waiting")
	p.say(w, policy.CodeApprovalDeclined)
	for _, r := range []*waiter{first, second, third} {
		r.ends(t, 126, "DECLINED")
	}
	if _, errs, _ := exec(c, "echo again"); strings.Contains(errs, "too many") {
		t.Errorf("the places were not given back: %q", errs)
	}
	if len(w.server.watches.watched) != 0 || w.server.watches.waiting != 0 {
		t.Errorf("left: %+v", w.server.watches)
	}
}

func TestDrainEndsWhoWaits(t *testing.T) {
	w, _ := newWaiting(t, time.Minute, Limits{})
	r := w.wait(w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute)), "echo x", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.server.Drain(t.Context(), 10*time.Second)
	}()
	r.ends(t, 75, "Gatehouse is stopping; nothing was sent to the target", `"code":"stopping"`)
	<-done
}

// TestNothingTypedIsLost: what is typed while a command waits is its input, in order, and nothing more is taken than is kept.
func TestNothingTypedIsLost(t *testing.T) {
	from, to := io.Pipe()
	keys := newTyped(from, func() { t.Error("interrupted") })
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		keys.listen()
	}()
	for range maxTyped / 16 {
		_, err := io.WriteString(to, "0123456789abcde\n")
		if err != nil {
			t.Fatal(err)
		}
	}
	<-listening // it is full
	keys.letGo()
	go func() {
		_, _ = io.WriteString(to, "the rest\x03")
		_ = to.Close()
	}()
	all, err := io.ReadAll(keys)
	if want := strings.Repeat("0123456789abcde\n", maxTyped/16) + "the rest\x03"; err != nil || string(all) != want {
		t.Errorf("%q, %v", all, err)
	}
}

// TestAWaitIsHeardToLive: a line a minute, in simulated time, until the certificate ends it; events about others wake nobody.
func TestAWaitIsHeardToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPaused(t, time.Hour)
		b.conn.notAfter = time.Now().Add(10*time.Minute + 30*time.Second)
		go func() {
			for range 100 {
				time.Sleep(7 * time.Second)
				b.conn.server.Access(protocol.AccessEvent{Requests: []string{"ar_other"}})
			}
		}()
		if err := b.pause(); err != errOutlived {
			t.Errorf("%v", err)
		}
		if said := b.session.channel.(*mouth).said(); strings.Count(said, "gatehouse: still waiting for approval of ar_x, until ") != 10 {
			t.Errorf("said %q", said)
		}
		time.Sleep(10 * time.Minute)
	})
}

// TestAnEventBeforeTheWatchIsNotMissed: a request that is decided between the question and the wait wakes it all the same.
func TestAnEventBeforeTheWatchIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPaused(t, time.Hour)
		b.since = b.conn.server.watches.now()
		b.conn.server.Access(protocol.AccessEvent{Requests: []string{"ar_other", "ar_x"}})
		begun := time.Now()
		if err := b.pause(); err != nil || time.Since(begun) != 0 {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		b.since = b.conn.server.watches.now()
		for range recentEvents + 1 { // more than is remembered
			b.conn.server.Access(protocol.AccessEvent{Requests: []string{"ar_other"}})
		}
		if err := b.pause(); err != nil || time.Since(begun) != 0 {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		b.since = b.conn.server.watches.now()
		if err := b.pause(); err != nil || time.Since(begun) != time.Hour {
			t.Errorf("%v after %s, want the end of the wait", err, time.Since(begun))
		}
		if err := b.pause(); err != errWaited {
			t.Errorf("after the end: %v", err)
		}
	})
}

// mouth is a client's channel of which only what it hears is of interest.
type mouth struct {
	ssh.Channel
	text lockedText
}

func (m *mouth) Stderr() io.ReadWriter { return m }
func (m *mouth) Write(b []byte) (int, error) {
	return m.text.Write(b)
}
func (m *mouth) Read([]byte) (int, error) { return 0, io.EOF }
func (m *mouth) said() string             { return m.text.String() }

// paused is a session that waits, without a client and a decider.
type paused struct {
	*queued
	conn *conn
}

func newPaused(t *testing.T, wait time.Duration) paused {
	rec, err := recorder.New(recorder.Config{Dir: t.TempDir(), Commit: func(context.Context, recorder.Chunk) error { return nil }, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	recording, err := rec.Open(t.Context(), recorder.Header{Session: "ses_01JSSSSSSSSSSSSSSSSSSSSSSS", Connection: "con_01JSSSSSSSSSSSSSSSSSSSSSSS", Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = recording.Close(context.Background(), recorder.End{}) })
	server := &Server{cfg: Config{Now: time.Now}, watches: newWatches()}
	c := &conn{server: server, notAfter: time.Now().Add(24 * time.Hour)}
	s := &session{conn: c, channel: &mouth{}, recording: recording, log: hclog.NewNullLogger()}
	s.ctx, s.cancel = context.WithCancelCause(t.Context())
	return paused{&queued{session: s, until: time.Now().Add(wait), d: protocol.Decided{Waiting: &protocol.Waiting{Request: access.Request{ID: "ar_x"}}}}, c}
}
