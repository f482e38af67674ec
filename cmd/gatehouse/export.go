package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export"
)

// AuditExportCmd is `gatehouse audit export`.
type AuditExportCmd struct {
	ConfigFlag
	Sink   string `help:"The sink that goes on from another entry." `
	To     string `help:"- writes to standard output, offline, from the folder of the log." enum:"-," default:""`
	From   string `help:"Where to begin: start, now or an entry's number." default:"start"`
	Format string `help:"With --to -: ${enum}." enum:"entry,ocsf,syslog,otlp-json" default:"entry"`
	Log    string `help:"With --to -: the folder of a log elsewhere; then no configuration is read." type:"existingdir"`
}

// Run moves a sink's cursor, or writes.
func (c *AuditExportCmd) Run(ctx context.Context) error {
	from, err := config.ParseFrom(c.From)
	switch {
	case err != nil:
		return &exitError{exitUsage, err}
	case (c.Sink == "") == (c.To == ""):
		return &exitError{exitUsage, errors.New("say where to: --sink NAME or --to -")}
	case c.Sink != "" && c.Log != "":
		return &exitError{exitUsage, errors.New("--log goes with --to -")}
	}
	var settings config.Config
	if c.Log == "" {
		if settings, err = config.Load(c.Config); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	if c.Sink != "" {
		return c.move(ctx, settings)
	}
	dir := c.Log
	if dir == "" {
		dir = decider.LogDir(supervisor.DeciderDir(settings.Data))
	}
	if from.Now {
		if from.Seq, err = audit.SizeOf(dir); err != nil {
			return err
		}
	}
	out := bufio.NewWriterSize(os.Stdout, 256<<10)
	_, err = export.Replay(ctx, dir, from.Seq, c.Format, out)
	return errors.Join(err, out.Flush())
}

func (c *AuditExportCmd) move(ctx context.Context, settings config.Config) error {
	var moved protocol.ExportMoved
	err := withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpExportMove, protocol.ExportMove{Sink: c.Sink, From: c.From, By: localUser()}, &moved)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s goes on from entry %d\n", c.Sink, moved.Next)
	return nil
}

// exportPaths are the folders that the decider writes exports to, and those that it reads receivers' certificates from: folders,
// as files in them are replaced. None is made here: whose they are is the administrator's to say.
func exportPaths(settings config.Config) (writable, readable []string, err error) {
	for i := range settings.Export {
		s := &settings.Export[i]
		if s.File != nil {
			dir := filepath.Dir(s.File.Path)
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return nil, nil, fmt.Errorf("export to %s: there is no folder %s; make it, and let user %d write to it", s.Name, dir, settings.Users.Decider)
			}
			writable = append(writable, dir)
		}
		for _, file := range s.ReadOnly() {
			readable = append(readable, filepath.Dir(file))
		}
	}
	return writable, readable, nil
}
