package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// PolicyPath is the policy that a verb is about.
type PolicyPath struct {
	Path string `arg:"" complete:"files" help:"A policy file, or a folder of *.yaml."`
}

// read reads the policy and prints its mistakes.
func (p PolicyPath) read() (*policy.Policy, error) { return readPolicy(p.Path) }

// named is how messages call a file of the policy: by the path as it was given.
func (p PolicyPath) named(file string) string { return filepath.Join(p.folder(), file) }

// folder is where the policy's files are.
func (p PolicyPath) folder() string {
	if info, err := os.Stat(p.Path); err == nil && info.IsDir() {
		return p.Path
	}
	return filepath.Dir(p.Path)
}

// readPolicy reads a policy and prints its mistakes.
func readPolicy(path string) (*policy.Policy, error) {
	files, err := decider.ReadPolicy(path)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	p, err := policy.Parse(files)
	var wrong *policy.ParseError
	if errors.As(err, &wrong) {
		for _, problem := range wrong.Problems {
			fmt.Fprintln(os.Stderr, problem)
		}
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not a valid policy", path)}
	}
	return p, err
}

// InventoryFlag names the inventory, which knows the targets' names and labels.
type InventoryFlag struct {
	Targets string `type:"existingfile" help:"The inventory (targets.yaml): rules are looked at on the targets that exist."`
}

// targets reads the inventory; nil if none is named.
func (f InventoryFlag) targets() ([]lab.Target, error) {
	if f.Targets == "" {
		return nil, nil
	}
	inventory, err := config.LoadInventory(f.Targets)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	list := []lab.Target{}
	for _, name := range slices.Sorted(maps.Keys(inventory.Targets)) {
		t := inventory.Targets[name]
		list = append(list, lab.Target{Name: name, Labels: t.Labels, Logins: slices.Concat(t.Logins, slices.Sorted(maps.Keys(t.RunAs)))})
	}
	return list, nil
}

// JSONFlag asks for output that programs read.
type JSONFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// print renders a value in one of the two ways.
func (f JSONFlag) print(w io.Writer, value any, text string) error {
	if !f.JSON {
		_, err := io.WriteString(w, text)
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(value)
}

// age is a span of time that may be in days: 30d.
type age time.Duration

// UnmarshalText reads 30d, 12h or another duration of Go.
func (a *age) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36_500 {
			return fmt.Errorf("%q is not a number of days such as 30d", text)
		}
		*a = age(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not an age such as 30d or 12h", text)
	}
	*a = age(d)
	return nil
}
