package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target/check"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
)

// TargetsCmd is about the hosts of the inventory: making one a target, and looking at what it accepts.
type TargetsCmd struct {
	List   TargetsListCmd   `cmd:"" help:"List the inventory in force, and when a check last got in."`
	Enroll TargetsEnrollCmd `cmd:"" help:"Print the script that makes a host with a stock sshd a target."`
	Check  TargetsCheckCmd  `cmd:"" help:"Connect to targets and say what is missing, weak or about to expire."`
}

// asker asks the decider.
type asker = func(op protocol.Op, in, out any) error

// inventory is the whole list that is in force, and the keys.
func inventory(call asker) (protocol.TargetList, error) {
	var all protocol.TargetList
	for more, after := true, ""; more; {
		var page protocol.TargetList
		if err := call(protocol.OpTargets, protocol.Targets{After: after}, &page); err != nil {
			return all, err
		}
		all.Targets, all.Seen = append(all.Targets, page.Targets...), append(all.Seen, page.Seen...)
		all.HostCAs, all.TargetCAs = page.HostCAs, page.TargetCAs
		if more = page.More && len(page.Targets) > 0; more {
			after = page.Targets[len(page.Targets)-1].Name
		}
	}
	return all, nil
}

// TargetsListCmd lists the inventory.
type TargetsListCmd struct {
	ConfigFlag
	JSON bool `name:"json" help:"For programs."`
}

// listed is one target of the list.
type listed struct {
	Name    string    `json:"name"`
	Address string    `json:"address,omitempty"`
	Logins  []string  `json:"logins"`
	HostKey string    `json:"host_key"` // how it is recognised
	Checked time.Time `json:"checked,omitzero"`
}

// Run prints one line a target.
func (c *TargetsListCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var all protocol.TargetList
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) (err error) {
		all, err = inventory(call)
		return err
	})
	if err != nil {
		return err
	}
	rows := []listed{}
	for _, t := range all.Targets {
		rows = append(rows, describeTarget(t, all.Seen))
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tADDRESS\tLOGINS\tHOST KEY\tLAST CHECK THAT GOT IN")
	for _, r := range rows {
		checked := "never"
		if !r.Checked.IsZero() {
			checked = r.Checked.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, cmp.Or(r.Address, "-"), strings.Join(r.Logins, ","), r.HostKey, checked)
	}
	return w.Flush()
}

func describeTarget(t protocol.Target, seen []protocol.TrustSeen) listed {
	r := listed{Name: t.Name, Address: t.Address, Logins: t.Logins, HostKey: "host CA"}
	if t.Local {
		r.HostKey = "this machine"
	} else if len(t.HostKey) > 0 {
		r.HostKey = "pinned"
	}
	for _, s := range seen {
		if s.Target == t.Name && s.At.After(r.Checked) {
			r.Checked = s.At
		}
	}
	return r
}

// TargetsCheckCmd connects to targets and reports.
type TargetsCheckCmd struct {
	ConfigFlag
	Names []string `arg:"" optional:"" name:"target" help:"Targets of the inventory; none: all."`
	JSON  bool     `name:"json" help:"For programs."`
}

// Run checks one target after the other. Exit 0: everything is ok; 1: something is not; 75: one does not answer.
func (c *TargetsCheckCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var reports []check.Report
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		all, err := inventory(call)
		if err != nil {
			return err
		}
		chosen, err := c.choose(all.Targets)
		if err != nil {
			return err
		}
		for _, t := range chosen {
			r, err := checkTarget(ctx, call, all, t)
			if err != nil {
				return err
			}
			reports = append(reports, r)
			if !c.JSON {
				printTarget(r)
			}
		}
		return nil
	})
	if err == nil && c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(reports)
	}
	if err != nil {
		return err
	}
	return checkVerdict(reports)
}

// choose are the remote targets that are named, or all.
func (c *TargetsCheckCmd) choose(all []protocol.Target) ([]protocol.Target, error) {
	var out []protocol.Target
	for _, t := range all {
		if !t.Local && (len(c.Names) == 0 || slices.Contains(c.Names, t.Name)) {
			out = append(out, t)
		}
	}
	for _, name := range c.Names {
		if !slices.ContainsFunc(out, func(t protocol.Target) bool { return t.Name == name }) {
			return nil, &exitError{exitUsage, fmt.Errorf("the inventory has no remote target %q: gatehouse targets list", name)}
		}
	}
	if len(out) == 0 {
		return nil, &exitError{exitUsage, errors.New("the inventory has no remote target")}
	}
	return out, nil
}

// checkTarget runs one check, and has what it found in the log.
func checkTarget(ctx context.Context, call asker, all protocol.TargetList, t protocol.Target) (check.Report, error) {
	cfg := check.Config{ID: id.New(id.Check, time.Now()), Target: t, TargetCAs: all.TargetCAs, By: localUser(),
		Probe: func(_ context.Context, p protocol.Probe) (a protocol.ProbeAnswer, err error) {
			return a, call(protocol.OpProbe, p, &a)
		}}
	for _, wire := range all.HostCAs {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			return check.Report{}, fmt.Errorf("host CA key: %w", err)
		}
		cfg.HostCAs = append(cfg.HostCAs, key)
	}
	for _, other := range all.Targets {
		if !other.Local && other.Name != t.Name {
			cfg.Others = append(cfg.Others, other.Name)
		}
	}
	r, err := check.Run(ctx, cfg)
	if err != nil {
		return r, err
	}
	said := protocol.Checked{Check: cfg.ID, Target: t.Name, Reached: r.Reached, Accepted: r.Accepted, HostCA: r.HostCA, By: cfg.By}
	for _, f := range r.Findings {
		if f.Level == check.OK {
			said.Good++
		} else if len(said.Bad) < maxReported {
			said.Bad = append(said.Bad, f.String())
		}
	}
	return r, call(protocol.OpChecked, said, nil)
}

// maxReported is how many findings of a target the log gets; the terminal gets all.
const maxReported = 100

func printTarget(r check.Report) {
	fmt.Println(r.Target)
	for _, f := range r.Findings {
		what := f.What
		if f.Login != "" {
			what = f.Login + ": " + what
		}
		fmt.Printf("  %-11s  %s: %s\n", f.Level, what, f.Says)
		if f.Do != "" {
			fmt.Printf("  %-11s  to do: %s\n", "", f.Do)
		}
	}
}

// checkVerdict is the exit code; what there is to say has been printed.
func checkVerdict(reports []check.Report) error {
	code := 0
	for _, r := range reports {
		switch {
		case !r.Reached:
			code = exitUnavailable
		case !r.Good() && code == 0:
			code = exitNo
		}
	}
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}
