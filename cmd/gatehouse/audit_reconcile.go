package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/reconcile"
)

// AuditReconcileCmd is `gatehouse audit reconcile`.
type AuditReconcileCmd struct {
	Target string        `required:"" help:"The target's name in the inventory."`
	Log    []string      `required:"" complete:"files" sep:"none" help:"A log of its sshd: auth.log, journalctl (best with -o json), or - for the standard input; several are possible."`
	From   time.Time     `help:"Compare from this time on (2006-01-02T15:04:05Z); default: the first login in the logs."`
	To     time.Time     `help:"Compare up to this time; default: the last login in the logs."`
	Skew   time.Duration `help:"How far the clocks may be apart." default:"30s"`
	Zone   string        `help:"Time zone of lines that do not say; default: this machine's." default:"Local"`
	Data   string        `help:"The data folder of Gatehouse." default:"data" type:"path"`
	Folder string        `name:"audit-log" help:"The audit log's folder, if it is not in the data folder." type:"path"`
	Key    string        `help:"The log's verifier key (log.pub) that was kept elsewhere." type:"existingfile"`
}

// Run compares, and prints every difference.
func (c *AuditReconcileCmd) Run(ctx context.Context) error {
	dir, key, err := logFlags{Data: c.Data, Log: c.Folder, Key: c.Key}.find()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	logins, err := c.readLogs()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	issued, err := reconcile.ReadIssued(ctx, dir, key, time.Time{})
	if errors.Is(err, audit.ErrChanged) {
		return &exitError{exitNo, fmt.Errorf("BAD: %w", err)}
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	r := reconcile.Compare(reconcile.Config{Target: c.Target, From: c.From, To: c.To, Skew: c.Skew}, logins, issued)
	printReconciled(os.Stdout, c.Target, r)
	if len(r.Differences) > 0 {
		return &exitError{exitNo, fmt.Errorf("%d differences", len(r.Differences))}
	}
	return nil
}

// readLogs reads all logs of the target.
func (c *AuditReconcileCmd) readLogs() ([]reconcile.Login, error) {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("--zone: %w", err)
	}
	r := reconcile.Reader{Now: time.Now(), Zone: zone}
	for _, name := range c.Log {
		if err := readLog(&r, name); err != nil {
			return nil, err
		}
	}
	if r.TooLong > 0 {
		fmt.Fprintf(os.Stderr, "gatehouse: %d lines were too long to be sshd's, and were passed over\n", r.TooLong)
	}
	return r.Logins, nil
}

func readLog(r *reconcile.Reader, name string) error {
	if name == "-" {
		return r.Read("standard input", os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.Read(name, f)
}

func printReconciled(w io.Writer, target string, r reconcile.Result) {
	if r.From.IsZero() && r.To.IsZero() {
		fmt.Fprintln(w, "compared     everything: no login in these lines has a time")
	} else {
		fmt.Fprintf(w, "compared     %s to %s\n", moment(r.From), moment(r.To))
	}
	fmt.Fprintf(w, "logins       %d on the target, %d with a certificate of ours\n", r.Logins, r.Matched)
	fmt.Fprintf(w, "issued       %d certificates for it\n", r.Issued)
	if r.Issued == 0 && r.Logins > 0 {
		fmt.Fprintf(w, "note         none was issued for %q in that time: is the target called so in the inventory?\n", target)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(w, "DIFFERENCE   %s  %s\n", moment(d.Time), d.What)
	}
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, "OK")
	}
}

// moment is a time, or a dash for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
