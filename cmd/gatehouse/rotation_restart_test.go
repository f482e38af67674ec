package main

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// staying is a session that is open all the time.
type staying struct {
	done   chan struct{}
	status int
	errs   bytes.Buffer
}

func (s *stage) stay(who string) *staying {
	s.t.Helper()
	if _, err := s.gate.Enrol(s.t.Context(), "agent", who, "--ttl", "15m"); err != nil {
		s.t.Fatal(err)
	}
	st := &staying{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ssh", "-F", s.gate.Client(who), "-o", "BatchMode=yes", "deploy@web-1@gatehouse", "sleep 3600")
	cmd.Stderr = &st.errs
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(st.done)
		_ = cmd.Wait() // its status says how it ended
		st.status = cmd.ProcessState.ExitCode()
	}()
	s.t.Cleanup(func() { cancel(); <-st.done })
	return st
}

func (st *staying) open() bool {
	select {
	case <-st.done:
		return false
	default:
		return true
	}
}

func (st *staying) wait() (int, string) {
	select {
	case <-st.done:
		return st.status, st.errs.String()
	case <-time.After(patience):
		return -1, "it goes on"
	}
}

// TestRotationRestarts ends the service in the middle of each step, in order and by kill -9: what comes after is the state before
// the step or after it, never another; the step can be taken again; and certificates from before go on where their key is trusted.
func TestRotationRestarts(t *testing.T) {
	s := newStage(t, 1)
	for i, c := range []struct {
		args        []string
		before, now string
	}{{nil, "steady", "prepared"}, {[]string{"--undo"}, "prepared", "steady"}, {nil, "steady", "prepared"}, {nil, "prepared", "switched"},
		{[]string{"--undo"}, "switched", "prepared"}, {nil, "prepared", "switched"}, {nil, "switched", "steady"}} {
		for _, name := range []string{"agent", "face"} {
			args := append([]string{"ca", "rotate", name, "--force"}, c.args...)
			rotated := make(chan struct{})
			go func() {
				defer close(rotated)
				_, _ = s.try(args...) // it may or may not come to its end
			}()
			time.Sleep(time.Duration(15*i) * time.Millisecond) // to end it at another point each time
			s.restart(i%2 == 0, rotated)
			phase := ""
			for range 2 { // a step that was asked for when nothing ran was taken by the command itself
				for _, one := range s.status().CAs {
					if one.Name == name {
						phase = one.Phase
					}
				}
				if phase == c.now {
					break
				}
				if phase != c.before {
					t.Fatalf("%q: the %s CA is %s, which is neither %s nor %s", args, name, phase, c.before, c.now)
				}
				s.gatehouse(args...)
			}
			if phase != c.now && s.phase(name) != c.now {
				t.Fatalf("%q: the %s CA is %s, want %s", args, name, phase, c.now)
			}
		}
		if why := (&load{s: s}).client("w0"); why != "" {
			t.Errorf("after step %d: %s", i, why)
		}
	}
}

func (s *stage) phase(name string) string {
	for _, one := range s.status().CAs {
		if one.Name == name {
			return one.Phase
		}
	}
	return ""
}

// restart ends the service, in order or with its decider killed, and starts it when what was asked of it has come to an end: a
// command that finds no service holds the folder for as long as it works.
func (s *stage) restart(kill bool, asked <-chan struct{}) {
	s.t.Helper()
	var err error
	if kill {
		if pid := s.gate.PID("decider"); pid == 0 {
			s.t.Fatal("no decider")
		} else if err = syscall.Kill(pid, syscall.SIGKILL); err == nil {
			err = s.gate.Await()
		}
	} else {
		err = s.gate.Stop()
	}
	<-asked
	if err == nil {
		err = s.gate.Serve()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
