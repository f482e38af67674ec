package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// The bounds of the policies in a bundle.
const (
	maxPolicies     = 64
	maxPolicyLine   = 16 << 20
	maxPoliciesSize = 64 << 20
)

// PolicyFileName is the name under which a folder keeps a policy by its hash, "sha256:…"; empty for what is no hash. Such a file is
// one line of JSON, {"hash":…,"files":[{"Name":…,"Data":base64}]}.
func PolicyFileName(hash string) string {
	hex, ok := strings.CutPrefix(hash, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return ""
	}
	return hex + ".json"
}

// policies are the kept policies that a bundle about approvals needs, a line each, by hash. One that was not kept is left out: whoever
// verifies says so.
func (g *gathered) policies(dir string) ([]byte, error) {
	if len(g.access.ids) == 0 || dir == "" {
		return nil, nil
	}
	out := []byte{}
	for i, hash := range slices.Sorted(maps.Keys(g.policy)) {
		name := PolicyFileName(hash)
		if name == "" || i >= maxPolicies {
			continue
		}
		line, err := readPolicy(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read policy %s: %w", hash, err)
		}
		if len(out)+len(line) > maxPoliciesSize {
			return nil, fmt.Errorf("%w: policies of more than %d MiB", ErrTooLarge, maxPoliciesSize>>20)
		}
		out = append(append(out, line...), '\n')
	}
	return out, nil
}

// readPolicy reads a kept policy, which is one line.
func readPolicy(path string) ([]byte, error) {
	f, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPolicyLine+1))
	if err != nil {
		return nil, err
	}
	if b = bytes.TrimRight(b, "\n"); len(b) > maxPolicyLine || bytes.IndexByte(b, '\n') >= 0 || !json.Valid(b) {
		return nil, errors.New("it is no kept policy")
	}
	return b, nil
}

// takePolicies reads the lines of a bundle's policies. Whether they have the hashes that they say is for those who know policies.
func (b *bundleReader) takePolicies(size int64) error {
	if size > maxPoliciesSize+maxPolicies {
		return fmt.Errorf("%w: policies of %d bytes", ErrTooLarge, size)
	}
	text, err := io.ReadAll(b.in)
	if err != nil {
		return fmt.Errorf("read policies of the bundle: %w", err)
	}
	for line := range bytes.Lines(text) {
		if len(b.report.Policies) == maxPolicies {
			return fmt.Errorf("%w: more than %d policies", ErrTooLarge, maxPolicies)
		}
		b.report.Policies = append(b.report.Policies, bytes.TrimSuffix(line, []byte("\n")))
	}
	return nil
}
