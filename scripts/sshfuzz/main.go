// Command sshfuzz sends an installation of its own sequences of SSH packets that are nearly right, and keeps a good client beside them.
//
//	go run ./scripts/sshfuzz -for 2h -seed 1 -gatehouse bin/gatehouse
//
// Sequence n of a seed is the same in every run: -from n goes on where another run ended, or repeats what it found. It ends with status 1 when
// the good client is not served, the door has a fault, or the service ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	how := flag.Duration("for", time.Minute, "how long")
	seed := flag.Uint64("seed", 1, "which sequences")
	from := flag.Uint64("from", 0, "the first sequence")
	binary := flag.String("gatehouse", "bin/gatehouse", "the program")
	flag.Parse()
	if err := run(*how, *seed, *from, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "sshfuzz:", err)
		os.Exit(1)
	}
}

func run(how time.Duration, seed, from uint64, binary string) (err error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sshfuzz")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := open(context.Background(), dir, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.gate.Close()) }()
	end := time.Now().Add(how)
	n, told := from, time.Now()
	for ; time.Now().Before(end); n++ {
		d.sequence(seed, n)
		if n%20 == 19 {
			if err := d.served(); err != nil {
				return fmt.Errorf("after sequence %d of seed %d: %w", n, seed, err)
			}
		}
		if time.Since(told) > 30*time.Second {
			told = time.Now()
			fmt.Printf("sshfuzz: seed %d, %d sequences, the slowest good client took %s, the door holds %d MiB\n", seed, n-from+1, d.slowest.Round(time.Millisecond), d.memory())
		}
	}
	if err := d.served(); err != nil {
		return err
	}
	fmt.Printf("sshfuzz: seed %d, sequences %d to %d: nothing; the slowest good client took %s, the door holds %d MiB\n", seed, from, n-1, d.slowest.Round(time.Millisecond), d.memory())
	return nil
}
