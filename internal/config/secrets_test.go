package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKnownFiles: one value a line, as it stands; paths are relative to the configuration.
func TestKnownFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gatehouse.yaml")
	for name, text := range map[string]string{
		"gatehouse.yaml": good + "secrets: {known_files: [values, more]}\n", "values": "# not one\n\none value \r\n  two\n", "more": "three",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	known, err := c.Secrets.Known()
	if want := []string{"one value ", "  two", "three"}; err != nil || !slices.Equal(known, want) {
		t.Errorf("%q, %v", known, err)
	}
}

// TestKnownFilesRefused: what cannot be read is an error, never a value less.
func TestKnownFilesRefused(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("x", maxKnownFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "absent"), dir, large, long} {
		if known, err := (Secrets{KnownFiles: []string{path}}).Known(); err == nil {
			t.Errorf("%s: %d values", path, len(known))
		}
	}
}
