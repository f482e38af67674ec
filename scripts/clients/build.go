package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// recipes make the drivers that have to be built, from testdata/drivers into its copy's bin.
var recipes = map[string][]string{
	"bin/xcrypto": {"go", "build", "-o", "bin/xcrypto", "./scripts/clients/xcrypto"},
	"bin/libssh":  {"sh", "-c", "cc -Wall -O1 -o bin/libssh scripts/clients/testdata/drivers/libssh.c $(pkg-config --cflags --libs libssh)"},
}

// buildDrivers copies the drivers to where every user may read them, and builds what the rows need.
func buildDrivers(ctx context.Context, dir string, rows []client) (string, error) {
	to := filepath.Join(dir, "drivers")
	if err := os.CopyFS(to, os.DirFS(filepath.FromSlash("scripts/clients/testdata/drivers"))); err != nil {
		return "", fmt.Errorf("copy drivers: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(to, "bin"), 0o755); err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	modules, err := filepath.Abs(filepath.FromSlash("bin/e2e/node_modules"))
	if err != nil {
		return "", fmt.Errorf("find modules: %w", err)
	}
	if err := os.Symlink(modules, filepath.Join(to, "node_modules")); err != nil {
		return "", fmt.Errorf("link modules: %w", err)
	}
	for _, c := range rows {
		for _, word := range c.driver {
			recipe := recipes[word]
			if recipe == nil {
				continue
			}
			argv := strings.Split(strings.ReplaceAll(strings.Join(recipe, "\x00"), word, filepath.Join(to, word)), "\x00")
			out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
			if err != nil {
				return "", fmt.Errorf("build %s (scripts/setup e2e installs what it needs): %w: %s", word, err, out)
			}
		}
	}
	return to, nil
}

var versionForm = regexp.MustCompile(`\d+(\.\d+)+[a-z0-9]*`)

// itsVersion asks a client for its version.
func (s *seat) itsVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, s.version[0], s.version[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // dbclient -V ends with 1
		return "", fmt.Errorf("%s (scripts/setup e2e installs it): %w", s.version[0], err)
	}
	v := versionForm.FindString(string(out))
	if v == "" {
		return "", fmt.Errorf("%q prints no version: %s", s.version, out)
	}
	return v, nil
}
