package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed init/gatehouse.yaml
var initConfig string

//go:embed init/policy.yaml
var initPolicy string

//go:embed init/targets.yaml
var initTargets string

// InitCmd writes a configuration to begin with. What is there stays.
type InitCmd struct {
	Dir  string `default:"/etc/gatehouse" type:"path" help:"Where the three files go."`
	Data string `default:"/var/lib/gatehouse" complete:"folders" help:"The data folder that the configuration names."`
}

// Run writes the files that are not there.
func (c *InitCmd) Run() error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, f := range []struct{ name, text string }{
		{"gatehouse.yaml", strings.ReplaceAll(initConfig, "@DATA@", c.Data)}, {"policy.yaml", initPolicy}, {"targets.yaml", initTargets},
	} {
		path := filepath.Join(c.Dir, f.name)
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			fmt.Printf("kept  %s\n", path)
			continue
		}
		if err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
		_, err = file.WriteString(f.text)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		fmt.Printf("wrote %s\n", path)
	}
	return nil
}
