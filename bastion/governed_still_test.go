package bastion

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// counter is what a client was sent, counted.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// still is a line of a governed shell that goes on for ever.
type still struct {
	*whole
	out   counter
	ended chan error
	row   store.Session
}

// runs starts a line and waits until it prints.
func (w *whole) runs(line string) *still {
	w.t.Helper()
	s := &still{whole: w, ended: make(chan error, 1)}
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	session, err := c.NewSession()
	w.must(err)
	session.Stdout, session.Stderr = &s.out, &s.out
	w.must(session.Start(line))
	go func() { s.ended <- session.Wait() }()
	s.goesOn()
	s.row = w.session(line, store.Live)
	return s
}

func (s *still) goesOn() {
	s.t.Helper()
	before := s.out.count()
	for deadline := time.Now().Add(20 * time.Second); s.out.count() <= before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("it prints nothing")
		}
	}
}

func (s *still) order() console.KillOrder {
	return console.KillOrder{Session: s.row.ID, By: console.Actor{Principal: "person:ann"}, Reason: "wait"}
}

// over wants that it ends.
func (s *still) over() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if exit, ok := err.(*ssh.ExitError); ok && exit.ExitStatus() == 2 {
			s.t.Error("it ended at the bound of a line's commands, by nobody")
		}
	case <-time.After(20 * time.Second):
		s.t.Fatal("it goes on")
	}
}

// loops are what goes on for ever: output of the shell's own, of a command, through a pipe of the process's, and looks at files.
var loops = map[string]string{
	"its own output":          `while :; do echo x; done`,
	"a command's output":      `while :; do x=$(printenv LANG); id -un; done`,
	"a pipe":                  `while :; do echo x; done | tr x y`,
	"a pipe to a subshell":    `while :; do id -un; done | while read -r l; do echo "$l"; done`,
	"what is looked at":       `while :; do [ -d /tmp ] && echo x; done`,
	"what runs behind":        `(while :; do echo x; done) & wait`,
	"a file that is read":     `echo x > /tmp/still; while :; do x=$(< /tmp/still); echo "$x"; done`,
	"denials, one by another": `while :; do whoami; echo x; done`,
}

// TestAPausedShellPrintsNothing: while its session is paused nothing of a governed shell reaches the client, by whatever way; then it goes on,
// and a kill ends it in a pause as at any time.
func TestAPausedShellPrintsNothing(t *testing.T) {
	w := newGoverned(t)
	for name, line := range loops {
		if !*shellAttacks && name != "a pipe to a subshell" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := w.runs(line)
			_, err := w.server.Pause(t.Context(), s.order())
			w.must(err)
			before := -1
			for now := s.out.count(); now != before; now = s.out.count() { // what was on its way to the client arrives
				before = now
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			if now := s.out.count(); now != before {
				t.Errorf("%d lines came in the pause", now-before)
			}
			_, err = w.server.Resume(t.Context(), s.order())
			w.must(err)
			s.goesOn()
			_, err = w.server.Pause(t.Context(), s.order())
			w.must(err)
			_, err = w.server.Kill(t.Context(), s.order())
			w.must(err)
			s.over()
		})
	}
}

// TestAChangeOfPolicyEndsAGovernedLoop: a policy that gives no governed shell any more, and one that denies what runs of it, end it.
func TestAChangeOfPolicyEndsAGovernedLoop(t *testing.T) {
	for name, change := range map[string]*strings.Replacer{
		"no shell":            strings.NewReplacer("    shell: governed\n", ""),
		"no target":           strings.NewReplacer(`targets: ["*"]`, "targets: [web-2]"),
		"no role":             strings.NewReplacer(", roles: [operator]}", "}"),
		"not what runs of it": strings.NewReplacer("      - sleep <int>\n", ""),
	} {
		if !*shellAttacks && name != "not what runs of it" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newGoverned(t)
			s := w.runs(`echo x; sleep 3641 & while :; do echo x; done`)
			awaitHost(t, "sleep 3641", true)
			w.write("policy.yaml", change.Replace(governedPolicy))
			_, err := w.decider.Reload(t.Context())
			w.must(err)
			s.over()
			awaitHost(t, "sleep 3641", false)
		})
	}
}
