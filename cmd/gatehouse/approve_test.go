package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/answer"
	"gatehouse/internal/console"
)

// cmdApprover: approver NAME… makes SSH keys with which people approve, and puts the public halves in the place of @NAME@ in the
// case's policies. It stands before gate.
func cmdApprover(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) == 0 || s.gate != nil {
		return errors.New("usage: approver NAME…, before gate")
	}
	policies, err := filepath.Glob(filepath.Join(s.work, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range args {
		key := s.approvalKey(name)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key).CombinedOutput(); err != nil {
			return fmt.Errorf("make a key: %w: %s", err, out)
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			return err
		}
		for _, p := range policies {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text = bytes.ReplaceAll(text, []byte("@"+name+"@"), bytes.TrimSpace(public))
			if err := os.WriteFile(p, text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scene) approvalKey(name string) string { return filepath.Join(s.work, "approval-"+name) }

// cmdWaits: waits NAME VARIABLE waits until a client that was left running has been told that its command waits for people, in the
// form of the schema; the variable is the request's id.
func cmdWaits(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 || (s.background[args[0]] == nil && (args[0] != "terminal" || s.terminal == nil)) {
		return errors.New("usage: waits NAME VARIABLE, of a client that was left running")
	}
	var w answer.Waiting
	err := s.eventually(func() error {
		text := ""
		if args[0] == "terminal" {
			text = s.terminal.shown()
		} else {
			text = s.background[args[0]].stderr.String()
		}
		at := strings.LastIndex(text, "GATEHOUSE-WAITING ")
		body, _, whole := strings.Cut(text[max(at, 0):], "\n")
		if at < 0 || !whole || !strings.Contains(text, "gatehouse: WAITING for approval (nothing ran): ") {
			return fmt.Errorf("it was told %q so far", text)
		}
		body = strings.TrimSuffix(strings.TrimPrefix(body, "GATEHOUSE-WAITING "), "\r")
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			return fmt.Errorf("%s: %w", body, err)
		}
		return conforms("GATEHOUSE-WAITING", body)
	})
	ts.Setenv(args[1], w.Request)
	return err
}

var challengeID = regexp.MustCompile(`^challenge (chl_[0-9A-Z]+), `)

// cmdApprove: approve [-key OTHER] NAME VERB… has NAME prove a verb that wants a signature, approve ID or break-glass ROLE …, with
// stock tools alone: ssh for the text, ssh-keygen -Y sign, ssh for the signature. Of the last one status, stdout and stderr are.
func cmdApprove(s *scene, ts *testscript.TestScript, args []string) error {
	signer := ""
	if len(args) > 2 && args[0] == "-key" {
		signer, args = args[1], args[2:]
	}
	if len(args) < 2 {
		return errors.New("usage: approve [-key OTHER] NAME ID, or NAME break-glass ROLE …")
	}
	name, verb := args[0], args[1:]
	if len(verb) == 1 {
		verb = []string{"approve", verb[0]}
	}
	if signer == "" {
		signer = name
	}
	line := strings.Join(quoteAll(verb), " ")
	if err := cmdSSH(s, ts, []string{name, "gatehouse", line + " --text"}); err != nil || s.last.status != 0 {
		return err
	}
	challenge := challengeID.FindStringSubmatch(s.last.stderr)
	if challenge == nil {
		return fmt.Errorf("no challenge in %q", s.last.stderr)
	}
	text := filepath.Join(s.work, "signed-"+name)
	if err := os.WriteFile(text, []byte(s.last.stdout), 0o600); err != nil {
		return err
	}
	_ = os.Remove(text + ".sig") // of an earlier one
	if out, err := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-n", console.SignatureNamespace, "-f", s.approvalKey(signer), text).CombinedOutput(); err != nil {
		return fmt.Errorf("sign: %w: %s", err, out)
	}
	return cmdSSH(s, ts, []string{"<" + text + ".sig", name, "gatehouse", line + " --challenge " + challenge[1] + " --signature -"})
}

func quoteAll(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return out
}

// withoutWaiting is what a client was told in the end: not that it waited, and that its command was approved.
func withoutWaiting(text string) string {
	var out strings.Builder
	for l := range strings.Lines(text) {
		waits := false
		for _, prefix := range []string{"gatehouse: WAITING for approval", "GATEHOUSE-WAITING ", "gatehouse: still waiting", "gatehouse: APPROVED"} {
			waits = waits || strings.HasPrefix(l, prefix)
		}
		if !waits {
			out.WriteString(l)
		}
	}
	return out.String()
}

// shown is everything that came to the screen so far.
func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
