package testshell

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell/localhost"
)

// limits are those of every shell here.
var limits = wire.Limits{Commands: 20_000, Depth: 200, Output: 8 << 20, Seconds: 10}

// Start begins a shell's process on a connection and returns what waits for its end.
type Start func(ctx context.Context, conn net.Conn) (wait func(), err error)

// Here runs the shell's process within the caller's: what makes it panic ends the caller.
func Here(ctx context.Context, conn net.Conn) (func(), error) {
	var work sync.WaitGroup
	work.Go(func() { process.Run(ctx, conn, nil) })
	return work.Wait, nil
}

// Governed runs a case by the real door's side and the real process, on this machine.
func (b *Box) Governed(ctx context.Context, c Case, start Start) (Result, error) {
	if err := fill(b.home, c.Files); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	stdin := c.Stdin
	if c.Piped {
		stdin = c.Script
	}
	host := localhost.New(localhost.Config{Home: b.home, Env: b.env(), Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr})
	begin := wire.Begin{Target: "here", Login: "root", Home: b.home, UID: os.Getuid(), GID: os.Getgid(), Path: Path, Limits: limits, Script: c.Piped}
	begin.Host, _ = os.Hostname()
	if !c.Piped {
		begin.Line = c.Script
	}
	door, child := net.Pipe()
	shell, err := governed.New(door, begin, host)
	if err != nil {
		return Result{}, fmt.Errorf("serve the shell: %w", err)
	}
	wait, err := start(ctx, child)
	if err != nil {
		return Result{}, err
	}
	ended, err := shell.Serve(ctx)
	shell.Wait()
	wait()
	r := Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Status: ended.Status}
	if err != nil {
		r.Fault = err.Error()
	}
	for _, line := range host.Lines() {
		if line.Refused != nil && r.Refused == nil {
			r.Refused = line.Refused
		}
	}
	r.Files, err = left(b.home)
	return r, err
}
