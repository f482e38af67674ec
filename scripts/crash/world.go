package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// The names of the world. The address of a session is login@target@gatehouse.
const (
	targetName = "web-1"
	remote     = "deploy@web-1@gatehouse"
	here       = "ops@bastion-host@gatehouse"
)

const policyText = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: ["web-1", "bastion-host"]
    logins: [deploy, ops]
    allow:
      - echo <text>
      - {run: count <text>, pty: true}
      - sleep <text>
`

// count prints a numbered line twenty times a second, until it is ended. Its argument makes its session recognisable.
const count = `#!/bin/sh
n=0
while :; do n=$((n+1)); echo "$1 $n"; sleep 0.05; done
`

// certificateTTL is what the policy's defaults allow; clients get new ones before each round.
const certificateTTL = "15m"

// world is a Gatehouse with a target and enrolled clients.
type world struct {
	dir  string
	gate *testgate.Gate
	all  bool                // everything is killed each round
	id   *age.X25519Identity // who can read the recordings, which are encrypted
}

func build(ctx context.Context, dir, binary string) (*world, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	g, err := testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: policyText,
		Hosts: []testhost.Config{{Name: targetName, Accounts: []testhost.Account{{Name: "deploy", UID: 2000}}, Programs: map[string]string{"count": count}}},
		More:  "recordings: {encrypt: {recipients: [" + id.Recipient().String() + "]}}\n",
		Extra: "  bastion-host: {local: true, run_as: {ops: nobody}}\n"})
	if err != nil {
		return nil, err
	}
	return &world{dir: dir, gate: g, id: id}, nil
}

func (w *world) close() error { return w.gate.Close() }

// enrol gives the clients fresh certificates.
func (w *world) enrol(ctx context.Context) error {
	for kind, name := range map[string]string{"agent": "bot", "person": "ann"} {
		if _, err := w.gate.Enrol(ctx, kind, name, "--ttl", certificateTTL); err != nil {
			return err
		}
	}
	return nil
}

// saveLog keeps the service's log beside what it is about.
func (w *world) saveLog() {
	path := filepath.Join(w.dir, "serve.log")
	if err := os.WriteFile(path, []byte(strings.Join(w.gate.Log(), "\n")), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "crash: save the log:", err)
	}
}

// row is what `sessions list --json` says of a session.
type row struct {
	ID      string `json:"id"`
	Command string `json:"command"`
	State   string `json:"state"`
	Remote  string `json:"remote"`
}

// index lists the sessions since a moment, as on-call sees them, by their command.
func (w *world) index(ctx context.Context, since time.Time) (map[string][]row, error) {
	all, before := map[string][]row{}, ""
	for {
		line := fmt.Sprintf("sessions list --json --limit 500 --since %s", time.Since(since).Round(time.Second)+2*time.Second)
		if before != "" {
			line += " --before " + before
		}
		r, err := w.gate.SSH(ctx, "ann", nil, "gatehouse", line)
		if err != nil {
			return nil, err
		}
		var page struct {
			Sessions []row  `json:"sessions"`
			Next     string `json:"next"`
		}
		if err := json.Unmarshal([]byte(r.Stdout), &page); err != nil || r.Status != 0 {
			return nil, fmt.Errorf("list sessions: status %d: %w: %s", r.Status, err, r.Stderr)
		}
		for _, s := range page.Sessions {
			all[s.Command] = append(all[s.Command], s)
		}
		if before = page.Next; before == "" {
			return all, nil
		}
	}
}
