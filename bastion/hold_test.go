package bastion

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// holding starts a command whose rule wants a certain input, and sends a part of it.
func (w *whole) holding(client *ssh.Client, line string) (stderr *strings.Builder, wait func() error) {
	w.t.Helper()
	s, err := client.NewSession()
	w.must(err)
	in, err := s.StdinPipe()
	w.must(err)
	errs := &strings.Builder{}
	s.Stderr = errs
	w.must(s.Start(line))
	_, err = io.WriteString(in, "echo from")
	w.must(err)
	return errs, s.Wait
}

func byHash(line string) string {
	return fmt.Sprintf("    allow: [{run: %s, stdin: \"sha256:%x\"}]\n", line, sha256.Sum256([]byte("echo from the script\n")))
}

// TestInputIsNotHeldForEver: what was decided does not wait for its input until nothing of it is true any more.
func TestInputIsNotHeldForEver(t *testing.T) {
	before := holdTime
	holdTime = 300 * time.Millisecond
	t.Cleanup(func() { holdTime = before })
	w := newWhole(t)
	client := w.obligedTo(byHash("sh"))
	defer client.Close()
	errs, wait := w.holding(client, "sh")
	err := wait()
	if exit, ok := err.(*ssh.ExitError); !ok || exit.ExitStatus() != 126 || !strings.Contains(errs.String(), "stdin_not_allowed") {
		t.Errorf("%v, %q", err, errs)
	}
	w.session("sh", store.Denied)
}

// TestKilledWhileInputIsHeld: a session that is killed while its input is waited for is one that was killed.
func TestKilledWhileInputIsHeld(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo(byHash("sh"))
	defer client.Close()
	_, wait := w.holding(client, "sh")
	row := w.session("sh", store.Live)
	time.Sleep(300 * time.Millisecond) // it is decided by then, or the kill is an easier one
	if _, err := w.server.Kill(t.Context(), console.KillOrder{Session: row.ID, By: console.Actor{Principal: "person:ann"}, Reason: "no"}); err != nil {
		t.Fatal(err)
	}
	_ = wait()
	if got := w.session("sh", store.Killed); !strings.Contains(got.Reason, "person:ann") || got.Code != "" {
		t.Errorf("%+v", got)
	}
}

// TestALimitIsWhyItEnded: whoever sees that a limit was exceeded sees why the session ends.
func TestALimitIsWhyItEnded(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    allow: [sleep <int>]\n")
	defer client.Close()
	s, err := client.NewSession()
	w.must(err)
	w.must(s.Start("sleep 63"))
	row := w.session("sleep 63", store.Live)
	live := w.live(row.ID)
	watch := live.oblige(policy.Obligations{BytesOut: 1})
	if watch.sent(2) || live.ctx.Err() == nil {
		t.Error("a limit is exceeded, and the session goes on")
	}
	_ = s.Wait()
	w.session("sleep 63", store.Killed)
}

// TestNobodyWatchesWhatIsOver: what passes after the watch has stopped starts no clock again.
func TestNobodyWatchesWhatIsOver(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    allow: [sleep <int>]\n")
	defer client.Close()
	s, err := client.NewSession()
	w.must(err)
	w.must(s.Start("sleep 64"))
	row := w.session("sleep 64", store.Live)
	live := w.live(row.ID)
	watch := live.oblige(policy.Obligations{Idle: 1})
	watch.stop()
	if !watch.received(1) {
		t.Error("it counts where nothing is limited")
	}
	time.Sleep(1300 * time.Millisecond)
	if live.ctx.Err() != nil {
		t.Error("a watch that had stopped has ended a session")
	}
}
