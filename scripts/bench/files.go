package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// landed is where uploads go on the target.
const landed = "/home/deploy/landed"

// measureFiles moves a file each way by sftp, whose door reads, decides, verifies and hashes.
func measureFiles(ctx context.Context, w *world) ([]result, error) {
	here, err := w.target().Path(noise)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(here)
	if err != nil {
		return nil, err
	}
	var out []result
	for _, k := range []struct{ name, batch string }{
		{"sftp get, recorded, random", "get " + noise + " " + filepath.Join(w.dir, "got")},
		{"sftp put, recorded, random", "put " + here + " " + landed},
	} {
		rates := map[string][]float64{}
		for range w.n(9) {
			for _, way := range []string{direct, jump, routed} {
				took, err := w.sftp(ctx, way, k.batch)
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", way, k.batch, err)
				}
				rates[way] = append(rates[way], float64(info.Size())/1e6/took.Seconds())
			}
		}
		p := func(way string) *float64 { m := median(rates[way]); return &m }
		out = append(out, compared(k.name, "MB/s", *p(routed), p(jump), p(direct), atLeast(0.5), p(direct), "direct"))
	}
	return out, nil
}

// sftp runs the stock client with one command.
func (w *world) sftp(ctx context.Context, way, batch string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "sftp", "-q", "-F", w.ssh, "-b", "-", way)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	cmd.Stdin = strings.NewReader(batch + "\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begun := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, text)
	}
	return time.Since(begun), nil
}
