package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	signednote "golang.org/x/mod/sumdb/note"

	"gatehouse/internal/testhost"
	"gatehouse/recorder/audit"
)

// cmdWitness: witness FOLDER starts a real witness of the gate's log, with its own folder, and names it in gatehouse.yaml: it is
// asked from the next start on. It ends with the case, or by: witness FOLDER down.
func cmdWitness(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) == 2 && args[1] == "down" {
		return errors.Join(s.stopWitness(args[0]))
	}
	if len(args) != 1 || s.witnesses[args[0]] != nil {
		return errors.New("usage: witness FOLDER [down]")
	}
	port, err := testhost.FreePort()
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	pub := filepath.Join(s.logDir(), audit.VerifierFile)
	text, err := os.ReadFile(pub)
	if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(string(text), "+")
	cmd := exec.Command(s.binary, "witness", "--listen", addr, "--dir", args[0], "--origin", origin, "--log-key", pub, "--name", "witness.test/"+filepath.Base(args[0]))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if s.witnesses == nil {
		s.witnesses = map[string]*exec.Cmd{}
	}
	s.witnesses[args[0]] = cmd
	var key []byte
	err = s.eventually(func() error {
		key, err = os.ReadFile(filepath.Join(args[0], "witness.pub"))
		return err
	})
	if err != nil {
		return err
	}
	ts.Setenv("WITNESS", addr)
	return s.configure(fmt.Sprintf("audit: {every: 1s, witnesses: [{url: %q, key: %q}]}\n", "http://"+addr, strings.TrimSpace(string(key))))
}

// configure makes one line the audit section of gatehouse.yaml.
func (s *scene) configure(line string) error {
	text, err := os.ReadFile(s.gate.Path)
	if err != nil {
		return err
	}
	before, _, _ := strings.Cut(string(text), "audit: {")
	return os.WriteFile(s.gate.Path, []byte(before+line), 0o644)
}

func (s *scene) logDir() string { return filepath.Dir(s.entriesPath()) }

// stopWitness ends a witness as an administrator does, and waits for it.
func (s *scene) stopWitness(dir string) error {
	cmd := s.witnesses[dir]
	if cmd == nil {
		return fmt.Errorf("there is no witness %s", dir)
	}
	delete(s.witnesses, dir)
	return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
}

// cmdCosigned: cosigned: a witness' signature comes to cover all entries that there are now.
func cmdCosigned(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: cosigned")
	}
	text, err := os.ReadFile(filepath.Join(s.logDir(), audit.VerifierFile))
	if err != nil {
		return err
	}
	key, err := signednote.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	lines, err := s.read(0)
	if err != nil {
		return err
	}
	return s.eventually(func() error {
		msg, err := audit.Cosigned(s.logDir())
		if err != nil {
			return err
		}
		cp, err := audit.OpenCheckpoint(msg, key)
		if err == nil && cp.Size < int64(len(lines)) {
			err = fmt.Errorf("cosigned: %d of %d entries", cp.Size, len(lines))
		}
		return err
	})
}

// A witness ends when it is told to, and says so by its exit status.
func TestWitnessStops(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := audit.LoadOrCreateKey(dir, "test/log"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c := &WitnessCmd{Listen: "127.0.0.1:0", Dir: filepath.Join(dir, "w"), Origin: "test/log", LogKey: filepath.Join(dir, audit.VerifierFile), Name: "w"}
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
	c.Origin = "other/log"
	if err := c.Run(t.Context()); err == nil {
		t.Error("a witness of another log than the key's starts")
	}
}

// cmdAuthLog: authlog TARGET FILE writes what the target's sshd has logged so far.
func cmdAuthLog(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 2 || s.gate.Hosts[args[0]] == nil {
		return errors.New("usage: authlog TARGET FILE")
	}
	return os.WriteFile(args[1], []byte(s.gate.Hosts[args[0]].AuthLog()), 0o600)
}
