package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/shell/pool"
	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/doctor"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// DoctorCmd looks for the commonest mistakes.
type DoctorCmd struct {
	ConfigFlag
	Client     string        `placeholder:"LOGIN@TARGET@BASTION" help:"Look at this machine as a client instead: what its ssh makes of that address."`
	SSHConfig  string        `name:"ssh-config" type:"existingfile" help:"With --client: the ssh_config to use (ssh -F)."`
	Only       []string      `help:"Only the checks with these ids, or ids that begin so."`
	NoTargets  bool          `name:"no-targets" help:"Do not connect to targets."`
	BackupDays time.Duration `name:"backup-age" default:"168h" help:"How old the last backup may be."`
	JSON       bool          `name:"json" help:"For programs."`
}

// Run prints what is wrong and what to do. Exit 0: nothing, or only what is worth a warning; 1: something.
func (c *DoctorCmd) Run(ctx context.Context) error {
	var results []doctor.Result
	var err error
	if c.Client != "" {
		results, err = doctor.Client{Address: c.Client, Config: c.SSHConfig, Now: time.Now}.Examine(ctx)
	} else {
		results, err = c.examine(ctx)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(results)
	} else {
		printResults(results)
	}
	if err == nil && !doctor.Healthy(results) {
		err = &exitError{code: exitNo}
	}
	return err
}

func printResults(results []doctor.Result) {
	good := 0
	for _, r := range results {
		if r.OK {
			good++
		}
		for _, f := range r.Findings {
			fmt.Printf("%-11s  %s: %s\n", f.Level, f.ID, f.Says)
			if f.Do != "" {
				fmt.Printf("%-11s  to do: %s\n", "", f.Do)
			}
		}
	}
	fmt.Printf("%d of %d checks found nothing\n", good, len(results))
}

// wants reports whether a check is asked for.
func (c *DoctorCmd) wants(id string) bool {
	return len(c.Only) == 0 || slices.ContainsFunc(c.Only, func(o string) bool { return strings.HasPrefix(id, o) })
}

func (c *DoctorCmd) examine(ctx context.Context) ([]doctor.Result, error) {
	for _, o := range c.Only {
		if !slices.ContainsFunc(doctor.IDs(), func(id string) bool { return strings.HasPrefix(id, o) }) {
			return nil, &exitError{exitUsage, fmt.Errorf("no check has an id that begins with %q: %s", o, strings.Join(doctor.IDs(), " "))}
		}
	}
	p := &doctor.Patient{ConfigPath: c.Config, BackupAge: c.BackupDays, Now: time.Now, Kernel: doctor.ThisMachine()}
	p.Kernel.Shell = pool.Try
	if p.Settings, p.ConfigErr = config.Load(c.Config); p.ConfigErr == nil {
		if err := c.look(ctx, p); err != nil {
			return nil, err
		}
	}
	return doctor.Examine(ctx, p, c.wants), nil
}

// look gathers what the checks are about.
func (c *DoctorCmd) look(ctx context.Context, p *doctor.Patient) error {
	var err error
	if p.Inventory, err = config.LoadInventory(p.Settings.Targets); err != nil {
		p.PolicyErr = err
	}
	if p.PolicyText, err = decider.ReadPolicy(p.Settings.Policy); err == nil {
		p.Policy, err = policy.Parse(p.PolicyText)
	}
	p.PolicyErr = errors.Join(p.PolicyErr, err)
	if seen, err := audit.Recent(decider.LogDir(supervisor.DeciderDir(p.Settings.Data))); err == nil { // else there is no log yet
		p.LastEntry = seen.Last
	}
	if info, err := os.Stat(backupStamp(p.Settings.Data)); err == nil {
		p.Backup = info.ModTime()
	}
	pid, err := supervisorPID(p.Settings)
	if err != nil {
		return nil // none runs
	}
	p.Processes = doctor.Children(pid)
	p.Faces = func() ([]string, error) { return shownNames(p.Settings) }
	return withDecider(ctx, p.Settings, func(call func(protocol.Op, any, any) error) error {
		p.Status = new(protocol.Status)
		if err := call(protocol.OpStatus, protocol.Empty{}, p.Status); err != nil {
			return err
		}
		if len(p.Settings.Alerts) > 0 && c.wants("alerts.answer") {
			var tested protocol.AlertsTested
			if err := call(protocol.OpAlertProbe, protocol.AlertOrder{By: localUser()}, &tested); err != nil {
				return err
			}
			p.Alerts = tested.List
		}
		if c.NoTargets || !slices.ContainsFunc(doctor.IDs(), func(id string) bool { return strings.HasPrefix(id, "target.") && c.wants(id) }) {
			return nil
		}
		return checkTargets(ctx, call, p)
	})
}

// maxCheckedTargets is how many targets a doctor looks at; gatehouse targets check looks at all.
const maxCheckedTargets = 50

func checkTargets(ctx context.Context, call asker, p *doctor.Patient) error {
	all, err := inventory(call)
	if err != nil {
		return err
	}
	for _, t := range all.Targets {
		if t.Local || len(p.Targets) == maxCheckedTargets {
			continue
		}
		r, err := checkTarget(ctx, call, all, t)
		if err != nil {
			return err
		}
		p.Targets = append(p.Targets, r)
	}
	return nil
}

// backupStamp is a file whose time is that of the last backup.
func backupStamp(data string) string { return filepath.Join(data, "run", "last-backup") }

// errSeen ends a handshake when the host's certificate has been seen.
var errSeen = errors.New("seen")

// shownNames are the names in the certificate that the door shows.
func shownNames(settings config.Config) ([]string, error) {
	host, port := reachable(settings)
	if host == settings.SSH.Names[0] {
		host = "localhost"
	}
	var names []string
	conn, err := ssh.Dial("tcp", host+":"+port, &ssh.ClientConfig{User: "doctor", Timeout: 5 * time.Second, HostKeyAlgorithms: []string{ssh.CertAlgoED25519v01},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if cert, ok := key.(*ssh.Certificate); ok {
				names = cert.ValidPrincipals
			}
			return errSeen
		}})
	if err == nil {
		_ = conn.Close()
	}
	if len(names) == 0 {
		return nil, err
	}
	return names, nil
}
