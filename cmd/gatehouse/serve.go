package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/internal/supervisor"
)

// ConfigFlag is how every verb that needs the installation finds it.
type ConfigFlag struct {
	Config string `default:"/etc/gatehouse/gatehouse.yaml" type:"path" env:"GATEHOUSE_CONFIG" help:"The configuration file."`
}

// ServeCmd runs the service until it is told to end.
type ServeCmd struct{ ConfigFlag }

// Run supervises the two processes.
func (c *ServeCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	path, err := filepath.Abs(c.Config)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", c.Config, err)
	}
	secrets, err := collectSecrets(settings)
	if err != nil {
		return err
	}
	stops, reloads := make(chan os.Signal, 4), make(chan os.Signal, 1)
	signal.Notify(stops, os.Interrupt, syscall.SIGTERM)
	signal.Notify(reloads, syscall.SIGHUP)
	defer signal.Stop(stops)
	defer signal.Stop(reloads)
	err = supervisor.Run(ctx, supervisor.Config{Settings: settings, ConfigPath: path, Secrets: secrets, Log: logger(settings, "supervisor"), Stop: stops, Reload: reloads})
	if errors.Is(err, supervisor.ErrStopped) {
		return nil
	}
	return err
}

func logger(c config.Config, name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.LevelFromString(c.Log.Level), Output: os.Stderr, TimeFormat: "2006-01-02T15:04:05.000Z", TimeFn: nowUTC})
}
