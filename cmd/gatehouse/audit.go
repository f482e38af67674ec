package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder/audit"
)

// AuditCmd is `gatehouse audit`.
type AuditCmd struct {
	Verify      AuditVerifyCmd      `cmd:"" help:"Check the audit log and the recordings, or a bundle of prove, offline: exit status 0 good, 1 changed, 2 cannot tell."`
	Prove       AuditProveCmd       `cmd:"" help:"Write a bundle that proves one session on any machine."`
	Tiles       AuditTilesCmd       `cmd:"" help:"Write the log as C2SP tlog-tiles, for a web server or a bucket; only what is new since the last time."`
	Reconcile   AuditReconcileCmd   `cmd:"" help:"Compare a target's own sshd log with what was issued: exit status 0 equal, 1 differences, 2 cannot tell."`
	Consistency AuditConsistencyCmd `cmd:"" help:"Prove that the log goes on from an old checkpoint: exit status 0 it does, 1 it does not, 2 cannot tell."`
	Export      AuditExportCmd      `cmd:"" help:"Send entries again to a configured sink (--sink), or write them to standard output (--to -)."`
}

// AuditVerifyCmd is `gatehouse audit verify`.
type AuditVerifyCmd struct {
	Bundle     string `arg:"" optional:"" help:"A bundle of audit prove; without it the log in the data folder is checked." type:"existingfile"`
	Data       string `help:"The data folder of Gatehouse." default:"data" type:"path"`
	Log        string `help:"The log's folder, if it is not in the data folder." type:"path"`
	Recordings string `help:"The folder of recordings, if it is not in the data folder." type:"path"`
	Checkpoint string `help:"A signed checkpoint that was kept elsewhere." type:"existingfile"`
	NoKeys     bool   `help:"Verify a copy that lacks the key files of encrypted recordings."`
	Key        string `help:"The log's verifier key (log.pub) that was kept elsewhere." type:"existingfile"`
	Witness    string `help:"Verifier keys of witnesses, one a line: a bundle's checkpoint must be cosigned by one of them." type:"existingfile"`
}

// Run verifies and prints a report.
func (c *AuditVerifyCmd) Run(ctx context.Context) error {
	if c.Bundle != "" {
		return c.runBundle(ctx)
	}
	opts, err := c.options()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		opts.Progress = progressLine(os.Stderr, time.Now)
	}
	report, err := audit.Verify(ctx, opts)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("cannot verify: %w", err)}
	}
	printReport(os.Stdout, report, c.Key == "")
	if report.Bad != nil {
		return &exitError{exitNo, fmt.Errorf("BAD: %s", report.Bad)}
	}
	return nil
}

// options reads the key and the checkpoint.
func (c *AuditVerifyCmd) options() (audit.VerifyOptions, error) {
	opts := audit.VerifyOptions{LogDir: c.Log, RecordingsDir: c.Recordings, NoKeys: c.NoKeys}
	if opts.LogDir == "" {
		opts.LogDir = decider.LogDir(supervisor.DeciderDir(c.Data))
	}
	if opts.RecordingsDir == "" {
		opts.RecordingsDir = filepath.Join(supervisor.DoorDir(c.Data), "recordings")
	}
	keyFile := c.Key
	if keyFile == "" {
		keyFile = filepath.Join(opts.LogDir, audit.VerifierFile)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return opts, unreadKey(err)
	}
	opts.VerifierKey = strings.TrimSpace(string(key))
	if c.Checkpoint != "" {
		if opts.Checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return opts, fmt.Errorf("read checkpoint: %w", err)
		}
	}
	return opts, nil
}

// progressLine shows how far it is, a few times a second.
func progressLine(w io.Writer, now func() time.Time) func(done, total int64) {
	var last time.Time
	return func(done, total int64) {
		if t := now(); total > 0 && (done == total || t.Sub(last) > 200*time.Millisecond) {
			last = t
			fmt.Fprintf(w, "\rverifying %3d %%", done*100/total)
			if done == total {
				fmt.Fprint(w, "\r\x1b[K")
			}
		}
	}
}

// printReport says what was compared, and what that does not show.
func printReport(w io.Writer, r audit.Report, ownKey bool) {
	fmt.Fprintf(w, "entries      %d, %d of them signed, %d checkpoints compared\n", r.Entries, r.Signed, r.Checkpoints)
	fmt.Fprintf(w, "recordings   %d closed, %d unfinished, %d chunks compared\n", r.Closed, r.Unfinished, r.Chunks)
	if r.Removed+r.Shredded > 0 {
		fmt.Fprintf(w, "destroyed    %d recordings removed, %d keys shredded, each by an entry of the log\n", r.Removed, r.Shredded)
	}
	if len(r.StillThere) > 0 {
		fmt.Fprintf(w, "note         an entry says that these were destroyed, and they are there: %s\n", strings.Join(r.StillThere, " "))
	}
	if r.LongestGap > 2*time.Minute {
		fmt.Fprintf(w, "longest gap  %s from %s: the log was not running\n", r.LongestGap.Round(time.Second), r.GapAt.UTC().Format(time.RFC3339))
	}
	if r.Torn {
		fmt.Fprintln(w, "note         the last entry is incomplete: it was never acknowledged, or is being written")
	}
	if ownKey {
		fmt.Fprintln(w, "note         the key came from the log's own folder; compare with one that was kept elsewhere (--key)")
	}
	if r.Bad == nil {
		fmt.Fprintln(w, "OK")
	}
}

// unreadKey says what to do about a verifier key that cannot be read: mostly the data folder is another one.
func unreadKey(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read verifier key: %w: name Gatehouse's data folder with --data, or the key with --key", err)
	}
	return fmt.Errorf("read verifier key: %w", err)
}
