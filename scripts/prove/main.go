// Command prove shows that each guarantee is held by a test that can fail: it applies the mutation of every row of
// scripts/prove/guarantees.yaml, one at a time and without touching the working tree, and expects the row's test to turn
// red. docs/guarantees.md is the same rows for reading; -doc writes it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

func main() {
	doc := flag.Bool("doc", false, "write docs/guarantees.md and end")
	only := flag.String("only", "", "a regular expression: prove only the rows whose id it matches")
	jobs := flag.Int("jobs", 2, "how many at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *doc, *only, *jobs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, doc bool, only string, jobs int) (bool, error) {
	rows, err := load(rowsFile)
	if err != nil {
		return false, err
	}
	if doc {
		return true, os.WriteFile(docFile, []byte(render(rows)), 0o644)
	}
	pick, err := regexp.Compile(only)
	if err != nil {
		return false, fmt.Errorf("-only: %w", err)
	}
	scratch, err := os.MkdirTemp("", "gatehouse-prove-")
	if err != nil {
		return false, fmt.Errorf("make scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	return proveAll(ctx, rows, pick, scratch, jobs), nil
}

// proveAll proves the rows and prints a line each.
func proveAll(ctx context.Context, rows []row, pick *regexp.Regexp, scratch string, jobs int) bool {
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, max(jobs, 1))
	red, bad := 0, 0
	for i, r := range rows {
		if !pick.MatchString(r.ID) {
			continue
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			begun := time.Now()
			err := r.prove(ctx, filepath.Join(scratch, fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				bad++
				fmt.Printf("NOT PROVEN  %-28s %v\n", r.ID, err)
				return
			}
			red++
			fmt.Printf("red         %-28s %s (%s)\n", r.ID, r.Test, time.Since(begun).Round(100*time.Millisecond))
		})
	}
	work.Wait()
	fmt.Printf("%d guarantees proven, %d not\n", red, bad)
	return bad == 0
}
