package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// filesRound puts a file on a target by SFTP, fetches it again and removes it: what comes back must be what was sent.
func filesRound(ctx context.Context, j *job) outcome {
	dir, err := os.MkdirTemp(j.dir, "files-")
	if err != nil {
		return outcome{got: -1, wrong: err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }() // the world's folder goes as well
	data := make([]byte, j.random.IntN(1<<20))
	rand.NewChaCha8([32]byte([]byte(j.token + fmt.Sprintf("%32d", 0))[:32])).Read(data)
	up, down := filepath.Join(dir, "up"), filepath.Join(dir, "down")
	if err := os.WriteFile(up, data, 0o600); err != nil {
		return outcome{got: -1, wrong: err.Error()}
	}
	batch := fmt.Sprintf("put %s %s\nget %s %s\nrm %s\n", up, j.token, j.token, down, j.token)
	r := j.client(ctx, "sftp", "bot", strings.NewReader(batch), "-b", "-", j.remote())
	out := outcome{want: 0, got: r.Status, detail: r.Stderr}
	back, err := os.ReadFile(down)
	switch {
	case r.Status == 0 && (err != nil || !bytes.Equal(back, data)):
		out.wrong = fmt.Sprintf("%d bytes came back of %d: %v", len(back), len(data), err)
	case !bytes.HasPrefix(data, back):
		out.wrong = fmt.Sprintf("%d bytes came back that were not sent", len(back))
	case r.Status == 1: // sftp's word for a request that failed, as when the session ends between two
		out.got = 255
	}
	return out
}

// forwardRound reaches the target's own sshd through the target, which greets.
func forwardRound(ctx context.Context, j *job) outcome {
	name := j.target()
	r := j.ssh(ctx, "bot", strings.NewReader(""), "-W", j.host(name).Addr(), "deploy@"+name+"@gatehouse")
	out := outcome{want: 0, got: r.Status, detail: r.Stderr}
	if r.Status == 0 && !strings.HasPrefix(r.Stdout, "SSH-2.0-") { // ssh says 0 whatever became of a forward that was opened
		out.got = 255
	}
	return out
}
