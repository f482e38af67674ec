// Command crash kills the door, the decider and now and then the supervisor of a real Gatehouse with SIGKILL, at random
// moments while stock clients work through it, or all three at once, starts it again, and checks that the evidence is whole.
//
// After each kill it asks: does `gatehouse audit verify` pass, recordings included? Is every session that a client saw begin
// in the index, with a final state? Does each recording hold what its client had received a second before the kill? Is what
// ran on the target gone, or shown as unconfirmed?
//
// A killed process loses what it had in memory; what it had written stays in the kernel's cache. So this proves the order of
// writes and the recovery, not that the disk keeps what fsync acknowledged.
//
// With -faults it runs the recorder and the log alone, without the service around them, into one fault a run: a kill, a full disk,
// short writes, EIO, ENOSPC or EROFS at one of the calls by which something becomes durable, or a file that is cut at every byte of
// what was not committed, while recordings are made, removed and shredded. Then verify passes, before recovery and after it, or names what was lost; and no recording lacks more
// than the last second.
//
// The random numbers of a round come from the seed and the round's number alone: -from goes on where a run was stopped, and
// repeats a round that failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // children die with the thread that started them, and this one lives as long as we do
	if text := os.Getenv(orderEnv); text != "" {
		if err := runChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("n", 50, "rounds")
	faults := flag.Bool("faults", false, "put faults into the recorder and the log alone: full disks, EIO, short writes, cuts")
	seed := flag.Uint64("seed", 0, "seed of the random moments; 0 takes one from the clock")
	from := flag.Int("from", 1, "the round to begin with")
	binary := flag.String("gatehouse", "bin/gatehouse", "the program to kill")
	keep := flag.Bool("keep", false, "keep the folder even if all is well")
	all := flag.Bool("all", false, "kill supervisor, decider and door at the same moment, each round")
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := func() error { return run(ctx, *binary, *seed, *from, *rounds, *keep, *all) }
	if *faults {
		work = func() error { return runMatrix(ctx, *seed, *from, *rounds) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// run builds the world, crashes it, and says what it found.
func run(ctx context.Context, binary string, seed uint64, from, rounds int, keep, all bool) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("find gatehouse: %w", err)
	}
	dir, err := os.MkdirTemp("", "gatehouse-crash-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	w, err := build(ctx, dir, binary)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	w.all = all
	fmt.Printf("seed %d, rounds %d to %d\n", seed, from, from+rounds-1)
	var sum summary
	for round := from; round < from+rounds && ctx.Err() == nil; round++ {
		report, err := w.round(ctx, round, rand.New(rand.NewPCG(seed, uint64(round))))
		if err != nil {
			sum.add(report, []string{err.Error()})
			break
		}
		sum.add(report, report.violations)
		fmt.Println(report)
	}
	fmt.Println(sum)
	err = w.close()
	if len(sum.violations) > 0 {
		w.saveLog()
		return errors.Join(err, fmt.Errorf("%d violations; go on or repeat with -seed %d -from %d; everything is kept in %s", len(sum.violations), seed, sum.last, dir))
	}
	if keep {
		fmt.Println("kept in", dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}
