package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

// execRound runs a command that prints some lines and ends with a status of its own.
func execRound(ctx context.Context, j *job) outcome { return j.emit(ctx, "\n", j.remote()) }

// ptyRound does it on a terminal.
func ptyRound(ctx context.Context, j *job) outcome { return j.emit(ctx, "\r\n", "-tt", j.remote()) }

// jumpRound does it by stock ssh -J.
func jumpRound(ctx context.Context, j *job) outcome {
	return j.emit(ctx, "\n", "-J", "gatehouse", "deploy@"+j.target())
}

func (j *job) emit(ctx context.Context, end string, to ...string) outcome {
	n, status := j.random.IntN(50), j.random.IntN(70)
	if j.random.IntN(20) == 0 {
		n = 20_000
	}
	r := j.ssh(ctx, "bot", nil, append(to, "emit", j.token, strconv.Itoa(n), strconv.Itoa(status))...)
	return whole(outcome{want: status, got: r.Status, detail: r.Stderr}, r.Stdout, lines(j.token, n, end))
}

// deniedRound asks for what no rule allows.
func deniedRound(ctx context.Context, j *job) outcome {
	to := []string{j.remote(), here}[j.random.IntN(2)]
	r := j.ssh(ctx, "bot", nil, to, "rm", "-rf", "/nonexistent/"+j.token)
	out := outcome{want: 126, got: r.Status, detail: r.Stderr}
	if r.Status == 0 || r.Status == 1 || r.Stdout != "" {
		out.wrong = fmt.Sprintf("a denied command ran: status %d", r.Status)
	}
	return out
}

// muxRound runs a few commands over one ControlMaster.
func muxRound(ctx context.Context, j *job) outcome {
	socket, to := filepath.Join(j.dir, "mux-"+j.token), j.remote()
	if r := j.ssh(ctx, "bot", nil, "-M", "-N", "-f", "-o", "ControlPersist=30", "-S", socket, to); r.Status != 0 {
		return outcome{want: 0, got: r.Status, detail: "master: " + r.Stderr}
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		j.ssh(ending, "bot", nil, "-S", socket, "-O", "exit", to)
	}()
	for i := range 6 {
		token := fmt.Sprintf("%sm%d", j.token, i)
		r := j.ssh(ctx, "bot", nil, "-S", socket, to, "emit", token, "3", strconv.Itoa(i))
		if out := whole(outcome{want: i, got: r.Status, detail: r.Stderr}, r.Stdout, lines(token, 3, "\n")); out.got != out.want || out.wrong != "" {
			return out
		}
	}
	return outcome{}
}
