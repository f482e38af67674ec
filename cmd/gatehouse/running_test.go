package main

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdStopping: stopping sends the service SIGTERM and does not wait.
func cmdStopping(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: stopping")
	}
	logged := len(s.gate.Log())
	if err := s.gate.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.eventually(func() error { // so that two of them are two
		if len(s.gate.Log()) == logged {
			return errors.New("the service has not said that it stops")
		}
		return nil
	})
}

// cmdStopped: stopped STATUS waits until the service has ended, with that status.
func cmdStopped(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: stopped STATUS")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := s.gate.Await(); err != nil {
		return err
	}
	if got := s.gate.Status(); got != want {
		return fmt.Errorf("the service ended with %d", got)
	}
	return nil
}

// cmdHangUp: hang-up sends the service SIGHUP and waits until it has reloaded.
func cmdHangUp(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: hang-up")
	}
	s.mark()
	if err := s.gate.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return cmdLog(s, nil, []string{"supervisor: reloaded"})
}
