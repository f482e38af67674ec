package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
)

// RevokeCmd makes something good for nothing, now, or undoes that.
type RevokeCmd struct {
	ConfigFlag
	Handles []string `arg:"" optional:"" placeholder:"HANDLE" help:"certificate:SERIAL, key:SHA256:…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT or ca:SHA256:…"`
	Reason  string   `required:"" placeholder:"TEXT" help:"Why, in one line; it is recorded and shown to the clients."`
	Until   string   `placeholder:"TIME" help:"When it ends by itself: 8h from now, or 2026-11-23T10:00:00Z. Without it, it stands until it is lifted."`
	Lift    string   `placeholder:"ID" help:"Lift a revocation instead."`
}

// Run says what was ended.
func (c *RevokeCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if c.Lift != "" {
		return c.lift(ctx, settings)
	}
	if _, err := console.ParseHandles(c.Handles); err != nil {
		return &exitError{exitUsage, err}
	}
	until, err := console.ParseUntil(c.Until, time.Now())
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var out protocol.Revoked
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpRevoke, protocol.Revoke{By: localUser(), Handles: c.Handles, Reason: strings.TrimSpace(c.Reason), Until: until}, &out)
	})
	if err != nil {
		return revokeExit(err)
	}
	fmt.Print(console.RevokeReport{ID: out.ID, Connections: out.Connections, Sessions: out.Sessions, SessionsAll: out.SessionsAll, SignIns: out.SignIns}.Text())
	for _, handle := range strangers(settings, c.Handles) {
		fmt.Fprintf(os.Stderr, "gatehouse: NOTE: the policy on disk knows no %s; if the name is mistyped, revoke the right one and lift %s\n", handle, out.ID)
	}
	if !running(settings) {
		fmt.Fprintln(os.Stderr, "gatehouse: no service runs here; it holds from the next start on")
	}
	return nil
}

// strangers are the handles that name nobody of the policy on disk: names that have left it can be revoked, and so can mistyped ones.
func strangers(settings config.Config, handles []string) []string {
	files, err := decider.ReadPolicy(settings.Policy)
	if err != nil {
		return nil
	}
	pol, err := policy.Parse(files)
	if err != nil {
		return nil
	}
	var list []string
	for _, handle := range handles {
		kind, name, _ := strings.Cut(handle, ":")
		if kind != string(policy.Agent) && kind != string(policy.Person) {
			continue
		}
		if _, known := pol.Profile(policy.Kind(kind), name); !known {
			list = append(list, handle)
		}
	}
	return list
}

// running reports whether a service answers on this machine.
func running(settings config.Config) bool {
	conn, err := net.Dial("unix", supervisor.AdminSocket(settings.Data))
	if err != nil {
		return false
	}
	_ = conn.Close() // it was only to be seen
	return true
}

func (c *RevokeCmd) lift(ctx context.Context, settings config.Config) error {
	if len(c.Handles) > 0 || c.Until != "" {
		return &exitError{exitUsage, errors.New("--lift takes an id, and neither handles nor --until")}
	}
	var out protocol.Lifted
	err := withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpLift, protocol.Lift{By: localUser(), ID: c.Lift, Reason: strings.TrimSpace(c.Reason)}, &out)
	})
	if err != nil {
		return revokeExit(err)
	}
	fmt.Print(console.LiftReport{ID: out.ID, Handles: out.Handles, Still: out.Still}.Text())
	return nil
}

// revokeExit makes the caller's own mistakes exit 2.
func revokeExit(err error) error {
	var own *protocol.Error
	if errors.As(err, &own) && own.Code == protocol.CodeInvalid {
		return &exitError{exitUsage, errors.New(own.Msg)}
	}
	return err
}

// RevocationsCmd lists what is revoked.
type RevocationsCmd struct {
	ConfigFlag
	JSON bool `name:"json" help:"Answer in JSON."`
}

// Run prints a table, or a JSON list.
func (c *RevocationsCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	all := []console.Revocation{}
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		for after := ""; ; {
			var page protocol.Revocations
			if err := call(protocol.OpRevocations, protocol.ListRevocations{By: localUser(), After: after}, &page); err != nil {
				return err
			}
			for _, r := range page.List {
				all = append(all, console.Revocation(r))
			}
			if after = page.Next; after == "" {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	fmt.Print(console.RevocationsText(all, time.Now()))
	return nil
}

// KRLCmd exports what is revoked for OpenSSH.
type KRLCmd struct {
	ConfigFlag
	CA  string `name:"ca" enum:"agent,target,host,face" default:"agent" help:"Whose certificates it is about: agent, target, host or face."`
	Out string `complete:"files" placeholder:"FILE" help:"Write it there, in one step; standard output without it."`
}

// Run writes the list. An sshd that reads it never sees half of it.
func (c *KRLCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var out protocol.KRL
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpKRL, protocol.ExportKRL{CA: c.CA, By: localUser()}, &out)
	})
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err := os.Stdout.Write(out.KRL)
		return err
	}
	if err := replaceWorldReadable(c.Out, out.KRL); err != nil {
		return fmt.Errorf("write KRL: %w", err)
	}
	fmt.Printf("%s: version %d, %d serials of the %s CA, %d keys\n", c.Out, out.Version, out.Serials, c.CA, out.Keys)
	return nil
}

// replaceWorldReadable puts a file in another's place, durably and whole, with mode 0644: sshd refuses everybody when it cannot
// read its list.
func replaceWorldReadable(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
