package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/testhost"
)

// auditVerifies checks the log as anyone with a copy of it can, without asking the server.
func auditVerifies(ctx context.Context, w *world) error {
	r, err := w.verify(ctx)
	w.screen.check("every entry is in its place and unchanged", err == nil && r.Status == 0, describe(r))
	return err
}

// auditNoticesChange changes one byte in a copy of the log.
func auditNoticesChange(ctx context.Context, w *world) error {
	logs, err := filepath.Glob(filepath.Join(w.dir, "data/decider/*/log.pub")) // the log's public key lies beside it
	if err != nil || len(logs) != 1 {
		return fmt.Errorf("find the log: %v, %w", logs, err)
	}
	changed := filepath.Join(w.dir, "changed")
	if err := os.CopyFS(changed, os.DirFS(filepath.Dir(logs[0]))); err != nil {
		return err
	}
	entries, err := largest(changed)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(entries)
	if err != nil {
		return err
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(entries, text, 0o600); err != nil {
		return err
	}
	r, err := w.verify(ctx, "--log", "changed")
	w.screen.check("the first bad entry is named, with exit status 1", r.Status == 1 && strings.Contains(r.Stderr+r.Stdout, "BAD"), describe(r))
	return err
}

// verify runs `gatehouse audit verify` in the demo's folder and shows it.
func (w *world) verify(ctx context.Context, more ...string) (testhost.Result, error) {
	w.screen.command(strings.Join(append([]string{"gatehouse audit verify --data data"}, more...), " "))
	args := []string{"audit", "verify", "--data", filepath.Join(w.dir, "data")}
	for _, m := range more {
		if !strings.HasPrefix(m, "--") {
			m = filepath.Join(w.dir, m)
		}
		args = append(args, m)
	}
	r, err := testhost.Run(ctx, nil, w.binary, args...)
	w.screen.output(r.Stdout)
	w.screen.output(r.Stderr)
	return r, err
}

// largest is the largest file in a folder: of a log, the one with the entries.
func largest(dir string) (path string, err error) {
	var size int64 = -1
	err = filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > size {
			path, size = p, info.Size()
		}
		return err
	})
	if err == nil && size <= 0 {
		err = errors.New("no entries in " + dir)
	}
	return path, err
}
