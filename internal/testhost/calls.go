package testhost

import (
	"bytes"
	"context"
	_ "embed" // argv/main.go
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// argvSource is compiled anew for each target, so that a test binary works from any folder.
//
//go:embed argv/main.go
var argvSource []byte

// Call is how a recording program was called on the target, byte for byte.
type Call struct {
	Argv        []string
	Env         []string // NAME=value, in the order in which the program got them
	Dir         string
	UID         int
	StdinBytes  int64
	StdinSHA256 string // lower-case hex
}

// Calls lists the calls of the recording programs so far, in the order in which they ended.
func (h *Host) Calls() ([]Call, error) {
	text, err := os.ReadFile(filepath.Join(h.cfg.Dir, callsFile))
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	var calls []Call
	for line := range bytes.Lines(text) {
		var c struct {
			Argv, Env   [][]byte
			Dir         string
			UID         int
			StdinBytes  int64  `json:"stdin_bytes"`
			StdinSHA256 string `json:"stdin_sha256"`
		}
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("read call %d: %w", len(calls)+1, err)
		}
		calls = append(calls, Call{texts(c.Argv), texts(c.Env), c.Dir, c.UID, c.StdinBytes, c.StdinSHA256})
	}
	return calls, nil
}

func texts(raw [][]byte) []string {
	out := make([]string, len(raw))
	for i, b := range raw {
		out[i] = string(b)
	}
	return out
}

// buildRecorders puts the recording program, linked statically, under each name on the target's PATH.
func buildRecorders(ctx context.Context, cfg Config) error {
	if len(cfg.Recorders) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp(cfg.Dir, "argv-")
	if err != nil {
		return fmt.Errorf("build recorder: %w", err)
	}
	defer os.RemoveAll(dir)
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "argv")
	if err := os.WriteFile(source, argvSource, 0o600); err != nil {
		return fmt.Errorf("build recorder: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, source)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build recorder: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Chmod(binary, 0o755); err != nil {
		return fmt.Errorf("build recorder: %w", err)
	}
	for _, name := range cfg.Recorders {
		path := filepath.Join(cfg.Dir, fsDir, "bin", filepath.Base(name))
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("install recorder %q: %w", name, err)
		}
		if err := os.Link(binary, path); err != nil {
			return fmt.Errorf("install recorder %q: %w", name, err)
		}
	}
	return nil
}
