package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Where the rows are, and the page made of them; relative to the repository's root.
const (
	rowsFile = "scripts/prove/guarantees.yaml"
	docFile  = "docs/guarantees.md"
)

// testLimit bounds one row's test.
const testLimit = 10 * time.Minute

// row is one guarantee.
type row struct {
	ID        string `yaml:"id"`
	Invariant string `yaml:"invariant"` // numbers of the design's invariants
	Guarantee string `yaml:"guarantee"`
	Function  string `yaml:"function"` // what enforces it
	Package   string `yaml:"package"`  // of the test, "./ca"
	Test      string `yaml:"test"`     // for go test -run
	File      string `yaml:"file"`     // what the mutation changes
	Old       string `yaml:"old"`      // exactly once in File
	New       string `yaml:"new"`
	Limit     string `yaml:"limit"`
}

func load(path string) ([]row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read guarantees: %w (run it from the repository's root)", err)
	}
	var rows []row
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&rows); err != nil {
		return nil, fmt.Errorf("read guarantees: %w", err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.ID] {
			return nil, fmt.Errorf("guarantee %q is there twice", r.ID)
		}
		seen[r.ID] = true
		if err := r.validate(); err != nil {
			return nil, fmt.Errorf("guarantee %q: %w", r.ID, err)
		}
	}
	return rows, nil
}

// validate also looks whether the mutation still fits its file: a row that has come loose is an error, not a pass.
func (r row) validate() error {
	for name, value := range map[string]string{"id": r.ID, "invariant": r.Invariant, "guarantee": r.Guarantee, "function": r.Function, "package": r.Package,
		"test": r.Test, "file": r.File, "old": r.Old, "limit": r.Limit} {
		if value == "" {
			return fmt.Errorf("%s is empty", name)
		}
	}
	source, err := os.ReadFile(r.File)
	if err != nil {
		return err
	}
	if n := strings.Count(string(source), r.Old); n != 1 {
		return fmt.Errorf("%s holds the text to change %d times, want once", r.File, n)
	}
	return nil
}

// prove runs the row's test with the mutation applied, by an overlay: the file itself is not touched. Red is right; green,
// and code that does not build, are not.
func (r row) prove(ctx context.Context, scratch string) error {
	overlay, err := r.overlay(scratch)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout", "3m", "-run", r.Test, r.Package)
	// In GOFLAGS, so that programs which the test builds are mutated too.
	cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	out, err := cmd.CombinedOutput()
	text := string(out)
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(text, "no tests to run"):
		return fmt.Errorf("no test %q in %s", r.Test, r.Package)
	case err == nil:
		return errors.New("the test stays green under the mutation")
	case !errors.As(err, &exit):
		return err
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return fmt.Errorf("the mutation does not build: %s", lastLines(text))
	case !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic:"):
		return fmt.Errorf("no test failed by itself: %s", lastLines(text))
	}
	return nil
}

func (r row) overlay(scratch string) (string, error) {
	source, err := os.ReadFile(r.File)
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(r.File)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return "", err
	}
	mutated := filepath.Join(scratch, filepath.Base(r.File))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), r.Old, r.New, 1)), 0o644); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o644)
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " / ")
}
