package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/testhost"
)

// cmdAgent and cmdPerson: agent NAME [FLAG…] enrols a client, with further flags of gatehouse issue.
func cmdAgent(s *scene, ts *testscript.TestScript, args []string) error {
	return enrol(s, ts, "agent", args)
}

func cmdPerson(s *scene, ts *testscript.TestScript, args []string) error {
	return enrol(s, ts, "person", args)
}

func enrol(s *scene, ts *testscript.TestScript, kind string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: %s NAME [FLAG…]", kind)
	}
	if _, err := s.gate.Enrol(context.Background(), kind, args[0], args[1:]...); err != nil {
		return err
	}
	s.nameClient(ts, args[0])
	return nil
}

// cmdClient: client NAME makes a key and an ssh_config without a certificate; the case makes one with ssh-keygen, or none.
func cmdClient(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: client NAME")
	}
	folder := filepath.Dir(s.gate.Client(args[0]))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	key := filepath.Join(folder, "id")
	for _, run := range [][]string{
		{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", args[0], "-f", key},
		{s.binary, "ssh-config", "--config", s.gate.Path, "--identity", key, "--out", folder},
	} {
		r, err := testhost.Run(context.Background(), nil, run[0], run[1:]...)
		if err != nil || r.Status != 0 {
			return errors.Join(fmt.Errorf("%q: status %d: %s", run, r.Status, r.Stderr), err)
		}
	}
	s.nameClient(ts, args[0])
	return nil
}

// nameClient lets the case refer to the client's folder as $NAME.
func (s *scene) nameClient(ts *testscript.TestScript, name string) {
	ts.Setenv(name, filepath.Dir(s.gate.Client(name)))
}

// cmdReload: reload FILE puts a policy on disk and asks for it at once; the answer of gatehouse reload is the last result.
func cmdReload(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: reload FILE")
	}
	if err := s.gate.SetPolicy(ts.ReadFile(args[0])); err != nil {
		return err
	}
	return s.call(ts, s.binary, []string{"reload", "--config", s.gate.Path})
}

// cmdInventory: inventory FILE adds entries to targets.yaml, with $ADDR1, $KEY1 and so on for what the targets are, and puts it
// in force.
func cmdInventory(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: inventory FILE")
	}
	path := filepath.Join(filepath.Dir(s.gate.Path), "targets.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text = append(text, os.Expand(ts.ReadFile(args[0]), ts.Getenv)...)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	if err := s.call(ts, s.binary, []string{"reload", "--config", s.gate.Path}); err != nil {
		return err
	}
	if s.last.status != 0 {
		return fmt.Errorf("reload: status %d: %s", s.last.status, s.last.stderr)
	}
	return nil
}
