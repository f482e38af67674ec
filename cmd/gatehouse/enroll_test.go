package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// cmdTargetRoot: target-root TARGET FILE runs a script as root on a target's console. If it tells sshd to reload, sshd listens again
// when the word returns. It is the last client then.
func cmdTargetRoot(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: target-root TARGET FILE")
	}
	h, err := s.host(args[0])
	if err != nil {
		return err
	}
	const listens, told = "Server listening on", "Received SIGHUP"
	before := strings.Count(h.AuthLog(), listens)
	r, err := h.Root(context.Background(), ts.ReadFile(args[1]))
	if err != nil {
		return err
	}
	s.mark()
	s.last = result{stdout: r.Stdout, stderr: r.Stderr, status: r.Status}
	fmt.Fprint(ts.Stdout(), r.Stdout)
	fmt.Fprint(ts.Stderr(), r.Stderr)
	if r.Status != 0 || !strings.Contains(r.Stdout, "gatehouse: this host is") {
		return nil
	}
	return s.eventually(func() error {
		if log := h.AuthLog(); strings.Count(log, listens) == before {
			return fmt.Errorf("sshd was not reloaded: %v", strings.Contains(log, told))
		}
		return nil
	})
}

// cmdTargetKey: target-key TARGET FILE brings the target's own host key, as its administrator would.
func cmdTargetKey(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: target-key TARGET FILE")
	}
	h, err := s.host(args[0])
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(ts.MkAbs(args[1])), ssh.MarshalAuthorizedKey(h.HostKey()), 0o644)
}
