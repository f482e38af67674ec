package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/internal/config"
	"gatehouse/internal/config/check"
	"gatehouse/internal/config/schema"
)

// ConfigCmd is about the files that say what an installation is.
type ConfigCmd struct {
	Check  ConfigCheckCmd  `cmd:"" help:"Read the configuration and list every mistake with its place, and the nearest word that there is."`
	Schema ConfigSchemaCmd `cmd:"" help:"Print the JSON Schema of gatehouse.yaml or targets.yaml, for editors."`
}

// ConfigCheckCmd is `gatehouse config check`.
type ConfigCheckCmd struct {
	Files []string `arg:"" optional:"" name:"file" type:"path" help:"A gatehouse.yaml or a targets.yaml; none: the installed one, and the targets that it names."`
	ConfigFlag
}

// Help says what the exit status is.
func (ConfigCheckCmd) Help() string {
	return "Exit status 0: the service would take the files. 1: it would not. 2: a file cannot be read. The policy has its own: gatehouse policy check."
}

// Run checks each file and lists all faults.
func (c *ConfigCheckCmd) Run() error {
	files := c.Files
	if len(files) == 0 {
		files = []string{c.Config}
	}
	wrong := false
	for i := 0; i < len(files); i++ {
		result, err := check.File(files[i])
		if err != nil {
			return &exitError{exitUsage, err}
		}
		for _, fault := range result.Faults {
			fmt.Fprintln(os.Stderr, printable(fault.Error()))
		}
		if len(result.Faults) > 0 {
			wrong = true
			continue
		}
		fmt.Printf("ok %s (%s, version %d)\n", printable(files[i]), result.Format, config.Current)
		if targets := c.named(files[i], result); targets != "" {
			files = append(files, targets)
		}
	}
	if wrong {
		return &exitError{exitNo, nil}
	}
	return nil
}

// named is the inventory that the installed configuration names, where no files were.
func (c *ConfigCheckCmd) named(file string, r check.Result) string {
	if len(c.Files) > 0 || r.Format != "gatehouse.yaml" {
		return ""
	}
	settings, err := config.Load(file)
	if err != nil {
		return ""
	}
	return filepath.Clean(settings.Targets)
}

// ConfigSchemaCmd is `gatehouse config schema [gatehouse|targets]`.
type ConfigSchemaCmd struct {
	Format string `arg:"" optional:"" enum:"gatehouse,targets" default:"gatehouse" help:"gatehouse or targets."`
}

// Run prints the schema.
func (c *ConfigSchemaCmd) Run() error {
	for _, f := range schema.Files {
		if f.Name == c.Format+".yaml" {
			_, err := os.Stdout.Write(f.Text)
			return err
		}
	}
	return errors.New("no such format")
}
