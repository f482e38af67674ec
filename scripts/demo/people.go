package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// askedLine is a command that people must approve, and askedFile what it leaves behind.
const (
	askedLine = "touch /home/deploy/maintenance"
	askedFile = "/home/deploy/maintenance"
)

// approvalKey makes the key with which ben signs what he approves, and returns its public half for the policy.
func (w *world) approvalKey(ctx context.Context) (string, error) {
	key := filepath.Join(w.dir, "ben-approves")
	if err := w.tool(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ben", "-f", key); err != nil {
		return "", err
	}
	public, err := os.ReadFile(key + ".pub")
	return strings.TrimSpace(string(public)), err
}

// heard is what a client has been told so far; it may be read while the client runs.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

var requestID = regexp.MustCompile(`"request":"(ar_[0-9A-Z]{26})"`)

// approved lets the agent ask for a command that people must approve, and ben approve it by a signature.
func approved(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w.screen.command("ssh -F demo-bot/ssh_config " + web1 + " '" + askedLine + "' &")
	agent := exec.CommandContext(ctx, "ssh", "-F", w.clientConfig("demo-bot"), web1, askedLine)
	said := &heard{}
	agent.Stderr = said
	if err := agent.Start(); err != nil {
		return err
	}
	waits := eventually(ctx, func() bool { return requestID.MatchString(said.String()) })
	w.screen.output(said.String())
	early := w.exists(askedFile)
	w.screen.check("the agent is told that it waits for people, and nothing has run", waits && !early, said.String())
	if !waits {
		return errors.Join(agent.Process.Kill(), agent.Wait())
	}
	if err := w.approve(ctx, requestID.FindStringSubmatch(said.String())[1]); err != nil {
		return errors.Join(err, agent.Process.Kill(), agent.Wait())
	}
	err := agent.Wait()
	w.screen.output(said.String())
	w.screen.check("it ran at once, exactly as it was signed: exit status 0", err == nil && w.exists(askedFile) && strings.Contains(said.String(), "gatehouse: APPROVED by ben"), fmt.Sprint(err, said.String()))
	r, err := w.ssh(ctx, "demo-bot", "-o", "SetEnv=GATEHOUSE_WAIT=0", web1, askedLine)
	w.screen.check("once: the same command needs people again", err == nil && r.Status == 126 && strings.Contains(r.Stderr, `"code":"approval_pending"`), describe(r))
	return err
}

// approve signs as ben what the request is about.
func (w *world) approve(ctx context.Context, request string) error {
	r, err := w.ssh(ctx, "ann", "gatehouse", "approve "+request)
	if err != nil {
		return err
	}
	w.screen.check("ann owns the agent, and may not approve it", r.Status == 1, describe(r))
	key := filepath.Join(w.dir, "ben-approves")
	w.screen.command("gatehouse approve " + request + " --key ben-approves")
	cmd := exec.CommandContext(ctx, w.binary, "approve", request, "--key", key, "--yes")
	cmd.Env = append(os.Environ(), "GATEHOUSE_SSH_CONFIG="+w.clientConfig("ben"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	w.screen.output(errs.String())
	w.screen.check("ben reads what will run, and signs it with ssh-keygen", err == nil && strings.Contains(errs.String(), "maintenance"), fmt.Sprint(err, out.String(), errs.String()))
	return nil
}

// exists reports whether the target has a file.
func (w *world) exists(path string) bool {
	here, err := w.target.Path(path)
	if err != nil {
		return false
	}
	_, err = os.Stat(here)
	return err == nil
}
