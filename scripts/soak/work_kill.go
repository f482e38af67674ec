package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/testhost"
)

// killRound begins a session that would never end, with a part that has left it, and kills it as on-call would. Then it is
// gone, or shown as unconfirmed.
func killRound(ctx context.Context, j *job) outcome {
	target, args := j.target(), []string{"hold", j.token}
	to := []string{"deploy@" + target + "@gatehouse"}
	switch j.random.IntN(3) {
	case 0:
		to = append([]string{"-tt"}, to...)
	case 1:
		target, to, args = "", []string{here}, []string{"/bin/sleep", fmt.Sprint(localNumber(j.token))}
	}
	ended := make(chan testhost.Result, 1)
	go func() { ended <- j.ssh(ctx, "bot", nil, append(to, args...)...) }()
	id, found := j.await(ctx, strings.Join(args, " "), ended)
	if id == "" {
		return outcome{want: 137, got: found.Status, detail: "before the kill: " + found.Stderr}
	}
	r := j.ssh(ctx, "ann", nil, "gatehouse", "kill "+id+" --reason soak")
	client := <-ended
	if r.Status != 0 {
		return outcome{want: 0, got: excusable(r.Status), detail: "kill: " + r.Stderr}
	}
	out := outcome{want: 137, got: client.Status, detail: client.Stderr}
	if client.Status == 0 {
		out.wrong = "a killed session says that it went well"
	}
	if strings.Contains(r.Stdout, "process on the target ended") && j.remains(target, args[1]) {
		out.wrong = "killed and said to have ended, but it runs"
	}
	return out
}

// excusable is the status of a kill whose session ended before it.
func excusable(status int) int {
	if status == 1 {
		return 255
	}
	return status
}

// localNumber makes a token a number that this machine's process list shows.
func localNumber(token string) int {
	n := 7
	for _, c := range token {
		n = (n*31 + int(c)) % 1_000_000
	}
	return 10_000_000 + n
}

// await looks for the live session with a command; if its client ends before, it returns how.
func (j *job) await(ctx context.Context, command string, ended chan testhost.Result) (id string, client testhost.Result) {
	for deadline := time.Now().Add(clientTime); time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		select {
		case client = <-ended:
			return "", client
		default:
		}
		r := j.ssh(ctx, "ann", nil, "gatehouse", "sessions list --json --limit 100 --state live")
		var page struct {
			Sessions []row `json:"sessions"`
		}
		if r.Status != 0 || json.Unmarshal([]byte(r.Stdout), &page) != nil {
			continue
		}
		for _, s := range page.Sessions {
			if s.Command == command {
				return s.ID, testhost.Result{}
			}
		}
	}
	return "", <-ended
}

// remains says whether something of a session runs on a target, or here without one.
func (j *job) remains(target, token string) bool {
	if target == "" {
		return localRuns(token)
	}
	found, err := j.host(target).Processes(token)
	if err != nil {
		return false
	}
	for _, p := range found {
		if len(p.Command) > 0 && !strings.HasPrefix(p.Command[0], "sshd:") {
			return true
		}
	}
	return false
}
