package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	// agentLine is a piece of a manual that is run as it is printed: the exit status it must have, the code if that is 126, its text.
	agentLine = regexp.MustCompile("(?ms)^```sh ([0-9]+)(?: ([a-z_]+))?\n(.*?)^```$")
	// note is the text for an agent's instructions, and noted a command in it.
	note  = regexp.MustCompile("(?ms)^```markdown\n(.*?)^```$")
	noted = regexp.MustCompile("`(ssh [^`]+)`")
)

// cmdExamples: examples WHO FILE runs every example of a page in docs by WHO, with the stock ssh, and the commands of its note.
func cmdExamples(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: examples WHO FILE")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", args[1]))
	if err != nil {
		return err
	}
	if err := s.wrapSSH(args[0]); err != nil {
		return err
	}
	examples := agentLine.FindAllStringSubmatch(string(text), -1)
	for _, m := range note.FindAllStringSubmatch(string(text), -1) {
		for _, c := range noted.FindAllStringSubmatch(m[1], -1) {
			line := strings.NewReplacer("LOGIN", "deploy", "TARGET", "web-1", "COMMAND", "uptime").Replace(c[1])
			examples = append(examples, []string{"", "0", "", line})
		}
	}
	if len(examples) < 10 {
		return fmt.Errorf("%d examples in %s", len(examples), args[1])
	}
	for _, m := range examples {
		if err := s.example(ts, m[1], m[2], m[3]); err != nil {
			return fmt.Errorf("%s: %w", m[3], err)
		}
	}
	return nil
}

// wrapSSH puts an ssh and an scp before the others on the PATH that only add the client's configuration, in which the door is called bastion
// as well.
func (s *scene) wrapSSH(who string) error {
	config, err := os.ReadFile(s.gate.Client(who))
	if err != nil {
		return err
	}
	dir := filepath.Join(s.work, "manual-bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, "ssh_config")
	if err := os.WriteFile(path, []byte(strings.Replace(string(config), "Host gatehouse\n", "Host gatehouse bastion\n", 1)), 0o600); err != nil {
		return err
	}
	for _, client := range []string{"ssh", "scp"} {
		real, err := exec.LookPath(client)
		if err != nil {
			return err
		}
		script := fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", real, path)
		if err := os.WriteFile(filepath.Join(dir, client), []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// example runs one piece, which must end with that status and, if it is denied, with that code.
func (s *scene) example(ts *testscript.TestScript, status, code, script string) error {
	path := fmt.Sprintf("PATH=%s:%s", filepath.Join(s.work, "manual-bin"), os.Getenv("PATH"))
	if err := s.call(ts, "env", []string{path, "bash", "-euc", script}); err != nil {
		return err
	}
	if want, _ := strconv.Atoi(status); s.last.status != want {
		return fmt.Errorf("status %d, want %s: %s%s", s.last.status, status, s.last.stdout, s.last.stderr)
	}
	if code == "" {
		return nil
	}
	return cmdDenied(s, ts, []string{code})
}

// TestTheAgentsPage: the lines that it prints are those of the golden vectors, its note is short, and it names every code.
func TestTheAgentsPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "agents.md"))
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(filepath.Join("..", "..", "internal", "answer", "testdata", "denial.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```text\n"+string(golden)+"```\n") {
		t.Errorf("agents.md does not print a denial as it is:\n%s", golden)
	}
	notes := note.FindAllStringSubmatch(string(text), -1)
	if len(notes) != 1 || strings.Count(notes[0][1], "\n") > 40 {
		t.Errorf("%d notes; one of at most 40 lines is wanted", len(notes))
	}
	for _, code := range stringConstants(t, filepath.Join("..", "..", "policy", "decision.go"), "Code") {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("agents.md does not say what to do on %s", code)
		}
	}
}
