// Command soak lets real clients work through a real Gatehouse with real targets for hours, while targets stop and die, the
// network delays and cuts, the disk fills and the service is killed, and then says whether all of it was right: exit statuses,
// the index, the log, the recordings, what is left on the targets, and whether memory, descriptors, threads and goroutines
// stay flat.
//
// Work is in the files work_*.go, one a kind: a kind is a name, a weight and a function (work.go). Faults are in fault.go. The service is killed in the
// first quarter of the time only, so that the rest is one life of its processes, whose growth can be seen.
//
// The random numbers come from the seed. The folder of -dir keeps what was found so far: a run that was interrupted is judged for what
// there is, and goes on with -dir and the same seed for the rest of its time, with a new Gatehouse.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	hours   float64
	seed    uint64
	dir     string // "" makes one, which goes if all is well
	binary  string
	workers int
	idle    int
	faults  bool
}

func main() {
	runtime.LockOSThread() // targets die with the thread that started them, and this one lives as long as we do
	var o options
	flag.Float64Var(&o.hours, "hours", 1, "how long, in hours; fractions are allowed")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of what is done and what goes wrong")
	flag.StringVar(&o.dir, "dir", "", "folder of the state, to go on after an interrupt; without it a temporary one")
	flag.StringVar(&o.binary, "gatehouse", "bin/gatehouse", "the program")
	flag.IntVar(&o.workers, "workers", 5, "clients at once, beside idle sessions")
	flag.IntVar(&o.idle, "idle", 15, "sessions that only wait")
	flag.BoolVar(&o.faults, "faults", true, "let things go wrong")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run makes one leg of a soak and judges it.
func run(ctx context.Context, o options) (err error) {
	begun := time.Now()
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return fmt.Errorf("find gatehouse: %w", err)
	}
	keep := o.dir != ""
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "gatehouse-soak-"); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		if err := os.Chmod(o.dir, 0o755); err != nil { // the processes' users get through it
			return fmt.Errorf("open folder: %w", err)
		}
	}
	st, err := loadState(o)
	if err != nil {
		return err
	}
	total := time.Duration(o.hours * float64(time.Hour))
	if st.Elapsed >= total {
		return st.verdict(o.dir, true)
	}
	fmt.Printf("seed %d, leg %d, %s of %s to go, in %s\n", o.seed, st.Legs+1, (total - st.Elapsed).Round(time.Second), total, o.dir)
	err = leg(ctx, o, st, total-st.Elapsed)
	st.Elapsed += time.Since(begun)
	st.Legs++
	if err = errors.Join(err, st.save(o.dir)); err != nil {
		return err
	}
	return st.verdict(o.dir, keep)
}

// reserve is what a leg keeps of its time for its end: sessions end, the log is verified.
func reserve(whole time.Duration) time.Duration {
	return min(max(whole/8, 25*time.Second), 5*time.Minute)
}

// leg builds a world, works in it, and judges it. What it finds goes into the state.
func leg(ctx context.Context, o options, st *state, whole time.Duration) (err error) {
	if whole < 2*reserve(whole) {
		return fmt.Errorf("%s is too short for a soak: want at least a minute (HOURS=0.02)", whole.Round(time.Second))
	}
	dir := filepath.Join(o.dir, fmt.Sprintf("leg-%d", st.Legs+1))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	deadline := time.Now().Add(whole - reserve(whole))
	w, err := build(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	working, stop := context.WithDeadline(ctx, deadline)
	defer stop()
	s := &soak{world: w, options: o, seed: o.seed + uint64(st.Legs), begun: time.Now(), until: deadline}
	s.work(working)
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), reserve(whole)+time.Minute)
	defer cancel()
	found := s.judge(settling)
	st.add(s, found)
	if len(found) > 0 {
		w.saveLog()
	}
	return nil
}
