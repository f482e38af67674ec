package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/testhost"
)

const (
	logLines  = 1000
	errorsIn  = 10 // every tenth of the last hundred lines is an error
	opsUID    = 2002
	firstLine = "line 0001 GET /health 200"
)

// startTarget starts the sshd that stands for a server of yours; the only thing it knows of Gatehouse is one public key.
func (w *world) startTarget(ctx context.Context) (string, error) {
	ca, err := testhost.Run(ctx, nil, w.binary, "ca", "show", "--config", w.config, "target")
	if err != nil {
		return "", err
	}
	if ca.Status != 0 {
		return "", fmt.Errorf("gatehouse ca show target: exit status %d: %s", ca.Status, ca.Stderr)
	}
	folder := filepath.Join(w.dir, "web-1")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	w.target, err = testhost.Start(ctx, testhost.Config{
		Dir: folder, Name: "web-1", TargetCA: ca.Stdout, Accounts: []testhost.Account{{Name: "deploy", UID: 2001}, {Name: "ops", UID: opsUID}},
		Port: w.targetPort, HostKey: w.hostKey,
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("stock sshd as web-1 on %s: its only trust is Gatehouse's target CA", w.target.Addr()), w.writeLog()
}

// writeLog gives the agent something to read on the target.
func (w *world) writeLog() error {
	path, err := w.target.Path("/var/log/app/api.log")
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(firstLine + "\n")
	for i := 2; i <= logLines; i++ {
		what := "GET /orders 200"
		if i%10 == 0 {
			what = "ERROR upstream timed out"
		}
		fmt.Fprintf(&text, "line %04d %s\n", i, what)
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}
