package config

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Secrets says what must be masked in recordings beside what is recognised as a secret.
type Secrets struct {
	KnownFiles []string `yaml:"known_files"` // exact values, one a line; the door must be able to read them
}

// maxKnownFile bounds a file of known values.
const maxKnownFile = 4 << 20

// Known reads the values. Blank lines and those that begin with # are no values.
func (s Secrets) Known() ([]string, error) {
	var out []string
	for _, path := range s.KnownFiles {
		values, err := knownValues(path)
		if err != nil {
			return nil, fmt.Errorf("secrets.known_files: %w", err)
		}
		out = append(out, values...)
	}
	return out, nil
}

func knownValues(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxKnownFile {
		return nil, fmt.Errorf("%s: want a file of at most 4 MiB", path)
	}
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimRight(lines.Text(), "\r"); strings.TrimSpace(line) != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}
