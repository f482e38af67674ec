// Command clients runs stock SSH clients of many makes against a real Gatehouse with a real target, prints what works as a
// matrix of client × cell, and checks it against docs/clients.md.
//
// A client is a small driver in testdata/drivers that knows a few words (docs/spec/client-driver.md); what must come of a word
// is checked here, on this side and on the target's. A cell is "ok"; or "refused", where the door refuses on purpose and the
// client shows why; or "none", where the client has no such thing, with the reason. Anything else is red and fails the run.
//
//	scripts/setup e2e                          # installs the clients
//	go run ./scripts/clients                   # all of them
//	go run ./scripts/clients -only openssh,putty -cells exec,status
//	go run ./scripts/clients -update           # writes docs/clients.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "clients, by comma; empty means all")
	flag.StringVar(&o.cells, "cells", "", "cells, by comma; empty means all")
	flag.StringVar(&o.binary, "gatehouse", "bin/gatehouse", "the program under test")
	flag.BoolVar(&o.update, "update", false, "write the matrix to docs/clients.md")
	flag.BoolVar(&o.verbose, "v", false, "say what each cell took")
	flag.StringVar(&o.log, "log", "", "a file for the log of the service")
	flag.IntVar(&o.parallel, "parallel", 3, "clients at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

type options struct {
	only, cells, binary, log string
	update, verbose          bool
	parallel                 int
}

// run opens the world, tries what is wanted, and prints and checks the matrix.
func run(ctx context.Context, o options) (err error) {
	rows, columns, err := o.choose()
	if err != nil {
		return err
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return fmt.Errorf("find gatehouse: %w", err)
	}
	dir, err := os.MkdirTemp("", "gatehouse-clients-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log, closeLog, err := o.openLog()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	w, err := open(ctx, dir, o.binary, rows, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.drivers, err = buildDrivers(ctx, dir, rows); err != nil {
		return err
	}
	m := w.fill(ctx, rows, columns, o)
	fmt.Print(m.text())
	return errors.Join(m.failures(), m.settle(o))
}

// choose takes the rows and columns that are wanted.
func (o options) choose() ([]client, []cell, error) {
	rows, err := pick(o.only, slices.Concat(clients, tools), func(c client) string { return c.name })
	if err != nil {
		return nil, nil, err
	}
	columns, err := o.columns()
	return rows, columns, err
}

func (o options) columns() ([]cell, error) {
	return pick(o.cells, slices.Concat(cells, onlyTools()), func(c cell) string { return c.name })
}

// openLog is where the lines of the service's log go.
func (o options) openLog() (write func(line string), done func() error, err error) {
	if o.log == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.Create(o.log)
	if err != nil {
		return nil, nil, fmt.Errorf("log of the service: %w", err)
	}
	return func(line string) { fmt.Fprintln(f, line) }, f.Close, nil
}
