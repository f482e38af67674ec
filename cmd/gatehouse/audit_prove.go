package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/approval"
	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder/audit"
)

// logFlags say where a log is.
type logFlags struct {
	Data string `help:"The data folder of Gatehouse." default:"data" type:"path"`
	Log  string `help:"The log's folder, if it is not in the data folder." type:"path"`
	Key  string `help:"The log's verifier key (log.pub) that was kept elsewhere." type:"existingfile"`
}

// find returns the log's folder and its verifier key.
func (f logFlags) find() (dir, key string, err error) {
	if dir = f.Log; dir == "" {
		dir = decider.LogDir(supervisor.DeciderDir(f.Data))
	}
	path := f.Key
	if path == "" {
		path = filepath.Join(dir, audit.VerifierFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", unreadKey(err)
	}
	return dir, strings.TrimSpace(string(text)), nil
}

// AuditProveCmd is `gatehouse audit prove`.
type AuditProveCmd struct {
	Session    string `arg:"" help:"The session's id, or that of a request (ar_…)."`
	Out        string `help:"The bundle's file; without it the bundle goes to the standard output." type:"path"`
	Recordings string `help:"The folder of recordings, if it is not in the data folder." type:"path"`
	Checkpoint string `help:"A signed checkpoint that whoever verifies it holds." type:"existingfile"`
	logFlags
}

// Run writes the bundle, whole or not at all.
func (c *AuditProveCmd) Run(ctx context.Context) error {
	opts := audit.ProveOptions{Session: c.Session, RecordingsDir: c.Recordings, PolicyDir: decider.PolicyDir(supervisor.DeciderDir(c.Data)), Program: "gatehouse " + version}
	var err error
	if opts.LogDir, opts.VerifierKey, err = c.find(); err != nil {
		return &exitError{exitUsage, err}
	}
	if opts.RecordingsDir == "" {
		opts.RecordingsDir = filepath.Join(supervisor.DoorDir(c.Data), "recordings")
	}
	if c.Checkpoint != "" {
		if opts.Checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return &exitError{exitUsage, fmt.Errorf("read checkpoint: %w", err)}
		}
	}
	m, err := c.write(ctx, opts)
	if err != nil {
		return &exitError{proveCode(err), err}
	}
	fmt.Fprintf(os.Stderr, "bundle of %s: %d entries, proven by a checkpoint of %d entries of %s\n", c.Session, m.Entries, m.Size, m.Origin)
	return nil
}

// proveCode is 1 for what the log says no to, 2 for what could not be done.
func proveCode(err error) int {
	for _, no := range []error{audit.ErrNoSession, audit.ErrLive, audit.ErrFork, audit.ErrRollback, audit.ErrForeign} {
		if errors.Is(err, no) {
			return exitNo
		}
	}
	return exitUsage
}

func (c *AuditProveCmd) write(ctx context.Context, opts audit.ProveOptions) (audit.Manifest, error) {
	if c.Out == "" {
		if st, err := os.Stdout.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			return audit.Manifest{}, errors.New("a bundle is no text for a terminal: give --out FILE, or redirect it")
		}
		return audit.Prove(ctx, os.Stdout, opts)
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return audit.Manifest{}, err
	}
	m, err := audit.Prove(ctx, f, opts)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(c.Out)
		return m, err
	}
	return m, nil
}

// runBundle verifies a bundle with nothing but what the flags name.
func (c *AuditVerifyCmd) runBundle(ctx context.Context) error {
	opts, err := c.bundleOptions()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	f, err := os.Open(c.Bundle)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer f.Close()
	opts.Keep = approval.Keep
	report, err := audit.VerifyBundle(ctx, bufio.NewReaderSize(f, 1<<20), opts)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("cannot verify: %w", err)}
	}
	printBundle(os.Stdout, report)
	unapproved := printApprovals(os.Stdout, report)
	switch {
	case report.Bad != nil:
		return &exitError{exitNo, fmt.Errorf("BAD: %s", report.Bad)}
	case len(opts.Witnesses) > 0 && len(report.Cosigned) == 0:
		return &exitError{exitNo, errors.New("BAD: no witness of these cosigned the checkpoint")}
	case unapproved > 0:
		return &exitError{exitNo, fmt.Errorf("BAD: %d findings about approvals, above", unapproved)}
	}
	fmt.Println("OK")
	return nil
}

func (c *AuditVerifyCmd) bundleOptions() (opts audit.BundleOptions, err error) {
	for path, take := range map[string]func([]byte){
		c.Key:        func(b []byte) { opts.VerifierKey = strings.TrimSpace(string(b)) },
		c.Checkpoint: func(b []byte) { opts.Checkpoint = b },
		c.Witness:    func(b []byte) { opts.Witnesses = strings.Split(string(b), "\n") },
	} {
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return opts, err
		}
		take(b)
	}
	return opts, nil
}

// printBundle says what the bundle proves. Words out of it are quoted: nobody has vouched for them if it is bad.
func printBundle(w io.Writer, r audit.BundleReport) {
	fmt.Fprintf(w, "log          %q, checkpoint of %d entries\n", r.Checkpoint.Origin, r.Checkpoint.Size)
	for _, s := range r.Cosigned {
		fmt.Fprintf(w, "cosigned     by %q at %s\n", s.Witness, s.At.Format("2006-01-02 15:04:05 UTC"))
	}
	if r.Extends >= 0 {
		fmt.Fprintf(w, "at hand      goes on from the checkpoint at hand, of %d entries\n", r.Extends)
	}
	fmt.Fprintf(w, "entries      %d proven\n", r.Entries)
	if r.Bad == nil && r.Manifest.Request == "" {
		fmt.Fprintf(w, "session      %q by %q on %q as %q: %q, %s to %s\n", r.Manifest.Session, r.Actor, r.Target, r.Login, r.Outcome,
			r.Begun.UTC().Format("2006-01-02 15:04:05"), r.Ended.UTC().Format("15:04:05 UTC"))
		switch {
		case r.Recorded:
			fmt.Fprintf(w, "recording    %d chunks, %d bytes, closed\n", r.Chunks, r.Size)
		case r.Removed:
			fmt.Fprintln(w, "recording    removed; an entry says when and why")
		default:
			fmt.Fprintln(w, "recording    none, and none was promised")
		}
	}
	if r.OwnKey {
		fmt.Fprintln(w, "note         the key came out of the bundle; compare with one that was kept elsewhere (--key)")
	}
}

// AuditConsistencyCmd is `gatehouse audit consistency`.
type AuditConsistencyCmd struct {
	Old   string `arg:"" help:"A signed checkpoint that was kept elsewhere, or that a witness has." type:"existingfile"`
	Proof bool   `help:"Print the proof too, one base64 hash a line (RFC 6962, 2.1.2)."`
	logFlags
}

// Run compares and says so.
func (c *AuditConsistencyCmd) Run(ctx context.Context) error {
	dir, key, err := c.find()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	old, err := os.ReadFile(c.Old)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	out, err := audit.Consistency(ctx, dir, key, old)
	for _, finding := range []error{audit.ErrRollback, audit.ErrFork, audit.ErrForeign} {
		if errors.Is(err, finding) {
			return &exitError{exitNo, fmt.Errorf("BAD: %w", err)}
		}
	}
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("cannot verify: %w", err)}
	}
	fmt.Printf("the log of %d entries goes on from the checkpoint of %d\n", out.New.Size, out.Old.Size)
	if c.Proof {
		for _, h := range out.Proof {
			fmt.Println(h)
		}
	}
	if c.Key == "" {
		fmt.Println("note         the key came from the log's own folder; compare with one that was kept elsewhere (--key)")
	}
	fmt.Println("OK")
	return nil
}
