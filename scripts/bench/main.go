// Command bench measures Gatehouse against what a user would take instead: stock `ssh -J` through OpenSSH's sshd, which
// neither records nor filters, and the direct connection. It sets up all of it on loopback, with Gatehouse as shipped:
// policy, audit and recording on.
//
// The clients are OpenSSH's own; the ways are taken in turn (A B C A B C …) in one run, with the same key exchange and cipher
// on every hop, and what is compared is medians. Absolute times on a shared machine mean little; the ratios are the result.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// measure is one part of the benchmark.
type measure struct {
	name string
	run  func(ctx context.Context, w *world) ([]result, error)
	bare bool // it needs no target, jump host and Gatehouse
}

// measures are in the order in which they are taken.
var measures = []measure{
	{name: "setup", run: measureSetup},
	{name: "keystroke", run: measureKeystroke},
	{name: "master", run: measureMaster},
	{name: "line", run: measureLine},
	{name: "shell", run: measureShell},
	{name: "transfer", run: measureTransfer},
	{name: "files", run: measureFiles},
	{name: "memory", run: measureMemory},
	{name: "crowd", run: measureCrowd},
	{name: "kill", run: measureKill},
	{name: "kill-mixed", run: measureKillMixed},
	{name: "credentials", run: measureCredentials},
	{name: "enrolment", run: measureEnrolment},
	{name: "revocation", run: measureRevocation},
	{name: "micro", run: measureMicro, bare: true},
	{name: "search", run: measureSearch, bare: true},
	{name: "export", run: measureExport, bare: true},
	{name: "decision", run: measureDecision, bare: true},
	{name: "replay", run: measureReplay, bare: true},
}

func main() {
	runtime.LockOSThread() // children die with the thread that started them, and this one lives as long as we do
	binary := flag.String("gatehouse", "bin/gatehouse", "the program to measure")
	out := flag.String("out", "bench.json", "where the results go")
	quick := flag.Bool("quick", false, "a tenth of the repetitions: to see that it works")
	only := flag.String("only", "", "parts to measure, separated by commas: "+strings.Join(names(), ", "))
	searchMB := flag.Int("search-mb", 64, "megabytes of text to search; 1000 takes minutes and two gigabytes of disk")
	killSessions := flag.Int("kill-sessions", 200, "live sessions of mixed kind that kill-mixed ends; 1000 needs some ten gigabytes for the target's sshd")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *out, *quick, *only, *searchMB, *killSessions); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for _, m := range measures {
		all = append(all, m.name)
	}
	return all
}

func run(ctx context.Context, binary, out string, quick bool, only string, searchMB, killSessions int) (err error) {
	wanted := names()
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("no part %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return fmt.Errorf("find gatehouse: %w", err)
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := &world{dir: dir, quick: quick, searchMB: searchMB}
	if slices.ContainsFunc(measures, func(m measure) bool { return !m.bare && slices.Contains(wanted, m.name) }) {
		if w, err = build(ctx, dir, binary, quick); err != nil {
			return err
		}
		w.searchMB, w.killSessions = searchMB, killSessions
		defer func() { err = errors.Join(err, w.close()) }()
	}
	var all []result
	for _, m := range measures {
		if !slices.Contains(wanted, m.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", m.name)
		if !m.bare {
			if err := w.enrol(ctx); err != nil {
				return err
			}
		}
		found, err := m.run(ctx, w)
		if err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
		all = append(all, found...)
	}
	fmt.Print(table(all))
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
