package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/internal/confine"
	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
)

// ProcessCmd is one of the two processes that serve starts.
type ProcessCmd struct {
	Decider deciderCmd `cmd:"" help:"The process that decides."`
	Door    doorCmd    `cmd:"" help:"The process that listens."`
}

func nowUTC() time.Time { return time.Now().UTC() }

type deciderCmd struct{ ConfigFlag }

// Run is the decider: confined first, then everything else but loading what handles its keys.
func (c *deciderCmd) Run(ctx context.Context) error {
	decider.CollectLess()
	settings, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	log := logger(settings, "decider")
	dir := supervisor.DeciderDir(settings.Data)
	// Issuers that name no roots are checked by the system's, which cannot be read later. Without any, they are refused.
	if _, err := x509.SystemCertPool(); err != nil {
		log.Warn("system's root certificates", "error", err)
	}
	// The folders, not the files: files are replaced by renaming.
	readable := []string{folderOf(settings.Policy), filepath.Dir(settings.Targets)}
	if settings.ShadowPolicy != "" {
		readable = append(readable, folderOf(settings.ShadowPolicy))
	}
	if settings.Bundles != nil {
		readable = append(readable, filepath.Dir(settings.Bundles.AllowedSigners))
	}
	anchors, err := anchorsOf(settings)
	if err != nil {
		return err
	}
	signers, err := inheritedSigners(settings)
	if err != nil {
		return err
	}
	folders, files, err := keyPaths(settings)
	if err != nil {
		return err
	}
	folders = append(folders, anchorFolders(settings)...)
	writable, read, err := exportPaths(settings)
	if err != nil {
		return err
	}
	folders, files = append(folders, writable...), append(files, read...)
	for i := range settings.Alerts {
		for _, file := range settings.Alerts[i].ReadOnly() {
			files = append(files, filepath.Dir(file))
		}
	}
	masking, err := alertDetector(settings)
	if err != nil {
		return err
	}
	tickets, err := settings.Tickets.Secret()
	if err != nil {
		return err
	}
	paths := confine.Paths{ReadWrite: append(folders, dir), ReadOnly: append(files, readable...), UnixSockets: settings.CA.NeedsSocket()}
	if err := confine.Decider(paths); err != nil {
		return err
	}
	d, err := decider.Open(ctx, decider.Config{Keep: settings.Recordings.Rules(), Dir: dir, Node: settings.Node, Names: settings.SSH.Names, WebURL: webURL(settings),
		Policy: settings.Policy, Targets: settings.Targets, Shadow: settings.ShadowPolicy, Bundles: signedBundles(settings), Signers: signers, Anchors: anchors, Export: settings.Export, Alerts: settings.Alerts, Mask: masking.MaskCut, Tickets: tickets, Version: version, Log: log})
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, d, log), d.Close())
}

func (c *deciderCmd) serve(ctx context.Context, d *decider.Decider, log hclog.Logger) error {
	control, err := supervisor.OpenControl(supervisor.DeciderControlFD)
	if err != nil {
		return err
	}
	defer control.Close()
	if err := d.Started(ctx, "pid "+fmt.Sprint(os.Getpid())); err != nil {
		return err
	}
	admin, err := supervisor.Inherited(supervisor.DeciderAdminFD)
	if err != nil {
		return err
	}
	ready := os.NewFile(supervisor.DeciderReadyFD, "ready")
	if _, err := fmt.Fprintf(ready, "ready %s\n", base64.StdEncoding.EncodeToString(d.PermitKey())); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	if err := ready.Close(); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go d.Watch(ctx)
	go func() { _ = d.ServeAdmin(ctx, admin) }() // ends with ctx
	go takeOrders(control, supervisor.Handlers{Apply: func(s supervisor.Settings) error { return reloadDecider(ctx, d, log, s) }}, log)
	socket, err := supervisor.Conn(supervisor.DeciderSocketFD)
	if err != nil {
		return err
	}
	// The door's end decides when this process ends: whatever it still has to say is heard.
	err = d.ServeDoor(context.WithoutCancel(ctx), socket)
	reason := "the door closed its socket"
	if err != nil {
		reason = err.Error()
	}
	return errors.Join(err, d.Stopped(context.WithoutCancel(ctx), reason))
}

// signedBundles is whose word a policy needs; nil where it needs none.
func signedBundles(c config.Config) *decider.Bundles {
	if c.Bundles == nil {
		return nil
	}
	return &decider.Bundles{AllowedSigners: c.Bundles.AllowedSigners, Reviewers: c.Bundles.Reviewers}
}

// webURL is the origin of the browser pages, empty where they are off.
func webURL(c config.Config) string {
	if c.Web.Listen == "" {
		return ""
	}
	return c.Web.URL
}

// folderOf is a folder itself, or the folder that a file is in.
func folderOf(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return filepath.Dir(path)
}
