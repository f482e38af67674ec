package bastion

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/answer"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// people decide in the place of the test's own policy: every command waits for them until they have said something, and then the real decider
// decides it.
type people struct {
	Gate
	t    *testing.T
	wait time.Duration

	mu      sync.Mutex
	request string
	said    policy.Code // empty: nothing yet; "yes"
	asked   []protocol.Decide
}

func (p *people) Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, in)
	request := access.Request{ID: p.request, State: access.Pending, Expires: time.Now().Add(time.Hour), Need: []policy.Approval{{Approvals: 2, From: []string{"sre"}}}}
	switch p.said {
	case "":
		return protocol.Decided{ID: id.New(id.Denial, time.Now()), Decision: policy.Decision{Verdict: policy.Ask, Code: policy.CodeNeedsApproval, Reason: "2 people must approve it", Plan: &in.Plan},
			Waiting: &protocol.Waiting{Request: request, Until: time.Now().Add(p.wait)}}, nil
	case "yes":
		in.Await, in.Wait = "", nil
		d, err := p.Gate.Decide(ctx, in)
		request.State, request.Votes = access.Approved, []access.Vote{{By: "ann", Yes: true}, {By: "ben", Yes: true}}
		d.Waiting = &protocol.Waiting{Request: request}
		return d, err
	}
	return protocol.Decided{ID: id.New(id.Denial, time.Now()), Decision: policy.Decision{Verdict: policy.Deny, Code: p.said, Reason: "ben said: not \x1b[31mnow"}, Waiting: &protocol.Waiting{Request: request}}, nil
}

// say has the people say something, and the door hear of it.
func (p *people) say(w *whole, code policy.Code) {
	p.mu.Lock()
	p.said = code
	p.mu.Unlock()
	w.server.Access(protocol.AccessEvent{Requests: []string{p.request}})
}

func (p *people) questions() []protocol.Decide {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]protocol.Decide(nil), p.asked...)
}

// newWaiting is a whole whose every command waits for people.
func newWaiting(t *testing.T, wait time.Duration, l Limits) (*whole, *people) {
	p := &people{t: t, wait: wait, request: id.New(id.Access, time.Now())}
	w := newWholeWith(t, func(cfg *Config) { p.Gate, cfg.Gate, cfg.Limits = cfg.Gate, p, l })
	return w, p
}

// waiter is a client whose command waits.
type waiter struct {
	session *ssh.Session
	in      io.WriteCloser
	out     *lockedText
	errs    *lockedText
}

// lockedText may be read while it is written.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait starts a command and returns when its client has heard that it waits.
func (w *whole) wait(c *ssh.Client, line string, setup func(*ssh.Session, *waiter)) *waiter {
	w.t.Helper()
	s, err := c.NewSession()
	w.must(err)
	out := &waiter{session: s, out: &lockedText{}, errs: &lockedText{}}
	s.Stdout, s.Stderr = out.out, out.errs
	out.in, err = s.StdinPipe()
	w.must(err)
	if setup != nil {
		setup(s, out)
	}
	w.must(s.Start(line))
	out.heard(w.t, "GATEHOUSE-WAITING {", "same request\"}")
	return out
}

func (w *waiter) heard(t *testing.T, texts ...string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !containsAll(w.errs.String(), texts) {
		if time.Now().After(deadline) {
			t.Fatalf("the client heard %q, not %q", w.errs.String(), texts)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// ends waits for the command's end.
func (w *waiter) ends(t *testing.T, status int, texts ...string) {
	t.Helper()
	got := 0
	switch err := w.session.Wait().(type) {
	case nil:
	case *ssh.ExitError:
		got = err.ExitStatus()
	default:
		got = -1
		t.Log(err)
	}
	if got != status || !containsAll(w.errs.String(), texts) {
		t.Errorf("status %d, want %d; %q", got, status, w.errs.String())
	}
	if status != 0 && w.out.String() != "" {
		t.Errorf("it did not run, and printed %q", w.out.String())
	}
}

func TestACommandThatWaitsRunsWhenPeopleHaveApprovedIt(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	r := w.wait(c, "cat", nil)
	var said answer.Waiting
	_, line, _ := strings.Cut(r.errs.String(), "GATEHOUSE-WAITING ")
	w.must(json.Unmarshal([]byte(line), &said))
	if said.Request != p.request || said.Final != "cat" || said.Target != "web-1" || len(said.Approvals) != 1 || time.Until(said.Until) > time.Minute {
		t.Errorf("the client was told %+v", said)
	}
	_, err := io.WriteString(r.in, "typed \x03 early\n") // no terminal: it is no Ctrl-C
	w.must(err)
	w.must(r.in.Close())
	if s := w.session("cat", store.Live); s.Verdict != "ask" || console.Outcome(console.Session{State: "live", Verdict: s.Verdict}) != "waiting" {
		t.Errorf("while it waits, the index has %+v", s)
	}
	if r.out.String() != "" {
		t.Errorf("before it was approved came %q", r.out.String())
	}
	p.say(w, "yes")
	r.ends(t, 0, "gatehouse: APPROVED by ann, ben ("+p.request+"): it runs now\n")
	if r.out.String() != "typed \x03 early\n" {
		t.Errorf("its input was %q", r.out.String())
	}
	asked := p.questions()
	if asked[0].Await != "" || asked[len(asked)-1].Await != p.request {
		t.Errorf("the decider was asked %+v", asked)
	}
	if s := w.session("cat", store.Ended); s.Verdict != "allow" || s.Code != "" {
		t.Errorf("at its end the index has %+v", s)
	}
}

// TestEveryEndOfAWait: each has its own code, and nothing has run.
func TestEveryEndOfAWait(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{})
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	agent := func() *ssh.Client { return w.client("deploy@web-1", bot) }
	for name, end := range map[string]func(t *testing.T){
		"declined": func(t *testing.T) {
			r := w.wait(agent(), "echo declined", nil)
			p.say(w, policy.CodeApprovalDeclined)
			r.ends(t, 126, "gatehouse: DECLINED by a person (nothing ran): ben said: not \\u{1b}[31mnow", `"code":"approval_declined"`, `"retryable":"no"`, `"id":"`+p.request)
		},
		"expired": func(t *testing.T) {
			r := w.wait(agent(), "echo expired", nil)
			p.say(w, policy.CodeApprovalExpired)
			r.ends(t, 126, "gatehouse: NOT APPROVED IN TIME", `"retryable":"later"`)
		},
		"locked": func(t *testing.T) {
			r := w.wait(agent(), "echo locked", nil)
			p.say(w, policy.CodeLocked)
			r.ends(t, 126, "gatehouse: LOCKED (nothing ran)")
		},
		"killed": func(t *testing.T) {
			r := w.wait(agent(), "echo killed", nil)
			s := w.session("echo killed", store.Live)
			report, err := w.server.Kill(t.Context(), console.KillOrder{Session: s.ID, By: console.Actor{Principal: "person:ann"}, Reason: "no"})
			w.must(err)
			if len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" {
				t.Errorf("the kill reports %+v", report)
			}
			r.ends(t, 137, "gatehouse: KILLED: ended by person:ann: no")
		},
		"revoked": func(t *testing.T) {
			c := agent()
			r := w.wait(c, "echo revoked", nil)
			w.server.EndConnections([]string{w.session("echo revoked", store.Live).Connection}, "the certificate is revoked")
			r.ends(t, 137, "gatehouse: KILLED: the certificate is revoked")
		},
		"signalled": func(t *testing.T) {
			r := w.wait(agent(), "echo signalled", nil)
			w.must(r.session.Signal(ssh.SIGINT))
			r.ends(t, 126, "gatehouse: STILL WAITING for approval (nothing ran)", "interrupted by the client", `"retryable":"after_approval"`)
		},
		"client gone": func(t *testing.T) {
			r := w.wait(agent(), "echo gone", nil)
			w.must(r.session.Close())
			if s := w.session("echo gone", store.Ended); !strings.Contains(s.Reason, "the client left while "+p.request) {
				t.Errorf("%+v", s)
			}
		},
		"certificate expired": func(t *testing.T) {
			c := w.client("deploy@web-1", w.certify(policy.Agent, "other", 2*time.Second))
			w.wait(c, "echo expiry", nil).ends(t, 75, "the certificate has expired while the command waited", `"code":"certificate_expired"`)
		},
		"ctrl-c": func(t *testing.T) {
			r := w.waitOnTerminal(agent(), "stty size")
			_, err := io.WriteString(r.in, "x\x03")
			w.must(err)
			r.ends(t, 126, "gatehouse: STILL WAITING for approval (nothing ran)", "interrupted by the client")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p.mu.Lock()
			p.said = ""
			p.mu.Unlock()
			end(t)
		})
	}
}

// waitOnTerminal starts a command with a pty, whose screen is errs.
func (w *whole) waitOnTerminal(c *ssh.Client, line string) *waiter {
	w.t.Helper()
	return w.wait(c, line, func(s *ssh.Session, r *waiter) {
		s.Stdout = r.errs
		w.must(s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
	})
}
