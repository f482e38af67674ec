package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// row is what `sessions list --json` says of a session.
type row struct {
	ID      string `json:"id"`
	Command string `json:"command"`
	State   string `json:"state"`
	Remote  string `json:"remote"`
	Target  string `json:"target"`
}

// consoleRound lists sessions and shows one, as on-call would.
func consoleRound(ctx context.Context, j *job) outcome {
	r := j.ssh(ctx, "ann", nil, "gatehouse", "sessions list --json --limit 20")
	out := outcome{want: 0, got: r.Status, detail: r.Stderr}
	var page struct {
		Sessions []row `json:"sessions"`
	}
	if r.Status != 0 {
		return out
	}
	if err := json.Unmarshal([]byte(r.Stdout), &page); err != nil {
		out.wrong = fmt.Sprintf("sessions list: %v", err)
	}
	if out.wrong != "" || len(page.Sessions) == 0 {
		return out
	}
	id := page.Sessions[j.random.IntN(len(page.Sessions))].ID
	r = j.ssh(ctx, "ann", nil, "gatehouse", "sessions show "+id)
	out = outcome{want: 0, got: r.Status, detail: r.Stderr}
	if r.Status == 0 && !strings.Contains(r.Stdout, id) {
		out.wrong = "sessions show " + id + " shows another"
	}
	return out
}

// reloadRound puts a policy in force that says the same in other words.
func reloadRound(ctx context.Context, j *job) outcome {
	if err := j.gate.SetPolicy(policyText + "# " + j.token + "\n"); err != nil {
		return outcome{want: 0, got: 1, wrong: err.Error()}
	}
	r, err := j.gate.Run(ctx, "reload", "--config", j.gate.Path)
	out := outcome{want: 0, got: r.Status, detail: r.Stderr}
	if err != nil {
		out.got, out.detail = -1, err.Error()
	}
	return out
}
