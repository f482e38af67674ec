// Command demo shows Gatehouse's main job with a real OpenSSH client, a real sshd and a real browser link, and checks what
// it shows: `make demo` stays up to be tried by hand, `make demo ARGS=--once` verifies, cleans up and exits 0 or 1.
//
// Everything lives in one fresh folder below the system's temporary folder, and nothing outlives the program.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// onceLimit bounds a run that nobody watches.
const onceLimit = 5 * time.Minute

func main() {
	runtime.LockOSThread() // children die with the thread that started them, and this one lives as long as we do
	once := flag.Bool("once", false, "verify every outcome, clean up and exit 0 or 1")
	binary := flag.String("gatehouse", "bin/gatehouse", "the program to show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := 0
	if err := run(ctx, *binary, *once); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, binary string, once bool) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("find gatehouse: %w", err)
	}
	if once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, onceLimit)
		defer cancel()
	}
	_, err = unix.IoctlGetTermios(int(os.Stdout.Fd()), unix.TCGETS)
	s := &screen{out: os.Stdout, colour: err == nil}
	w, err := build(ctx, binary, s)
	if err == nil {
		play(ctx, w)
		if !once && ctx.Err() == nil {
			w.invite(ctx)
			<-ctx.Done()
		}
	}
	if w != nil {
		w.tearDown()
	}
	switch {
	case err != nil:
		return err
	case s.failed > 0:
		return fmt.Errorf("%d of %d checks failed", s.failed, s.failed+s.passed)
	case once && ctx.Err() != nil:
		return fmt.Errorf("not finished: %w", context.Cause(ctx))
	}
	s.note("%d checks passed.", s.passed)
	return nil
}

// play runs the steps in order; a failed check does not stop the ones after it.
func play(ctx context.Context, w *world) {
	for _, step := range steps {
		if ctx.Err() != nil {
			return
		}
		w.screen.title(step.title)
		if err := step.run(ctx, w); err != nil && ctx.Err() == nil {
			w.screen.check(step.title, false, err.Error())
		}
	}
}
