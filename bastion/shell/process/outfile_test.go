package process_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
)

// slowFiles is a target whose files take their time.
type slowFiles struct {
	*localhost.Host
	written, late atomic.Int64 // writes that are done; questions that came before one was
	asked         atomic.Int64
}

func (h *slowFiles) Open(ctx context.Context, o wire.Open) (governed.File, error) {
	f, err := h.Host.Open(ctx, o)
	return &slowFile{f, h, ctx}, err
}

func (h *slowFiles) Stat(ctx context.Context, p wire.Path) (wire.Info, error) {
	if h.asked.Add(1) > h.written.Load() {
		h.late.Add(1)
	}
	return h.Host.Stat(ctx, p)
}

type slowFile struct {
	governed.File
	host *slowFiles
	ctx  context.Context // of the shell: its end is that of the file
}

func (f *slowFile) Write(p []byte) (int, error) {
	for range 1000 {
		runtime.Gosched()
	}
	if f.ctx.Err() != nil {
		return 0, f.ctx.Err()
	}
	defer f.host.written.Add(1)
	return f.File.Write(p)
}

// TestWhatWasWrittenIsThere: before anything looks at a file that exec has opened, and when the shell has ended, the target has all of it.
func TestWhatWasWrittenIsThere(t *testing.T) {
	home := t.TempDir()
	var stdout, stderr bytes.Buffer
	host := &slowFiles{Host: localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Stdout: &stdout, Stderr: &stderr})}
	line := `exec > f; for i in {1..100}; do echo $i; test -s f || exit 9; done; for i in {1..400}; do echo $i; done`
	door, child := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Target: "here", Login: "root", Home: home, Path: testshell.Path, Limits: limits, Line: line}, host)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { process.Run(t.Context(), child, nil) })
	ended, err := shell.Serve(t.Context())
	shell.Wait()
	work.Wait()
	if err != nil || ended.Status != 0 || host.late.Load() > 0 || host.written.Load() != 500 {
		t.Errorf("%v, status %d, %d questions came too early, %d of 500 lines are there: %s", err, ended.Status, host.late.Load(), host.written.Load(), &stderr)
	}
}
