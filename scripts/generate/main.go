// Command generate writes what is generated from the program's own types: the JSON Schemas of the files that people write.
// Tests say when it must run again (make generate).
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/internal/config/schema"
	policy "gatehouse/policy/lab/schema"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate writes into the working tree, whose root is the current folder.
func generate() error {
	source, embedded := filepath.Join("internal", "config"), filepath.Join("internal", "config", "schema")
	for _, f := range []struct {
		make func() ([]byte, error)
		into []string
	}{
		{func() ([]byte, error) { return schema.Config(source) }, []string{"docs/gatehouse.schema.json", filepath.Join(embedded, "gatehouse.schema.json")}},
		{func() ([]byte, error) { return schema.Targets(source) }, []string{"docs/targets.schema.json", filepath.Join(embedded, "targets.schema.json")}},
		{policy.Text, []string{"docs/policy.schema.json"}},
	} {
		text, err := f.make()
		if err != nil {
			return err
		}
		for _, path := range f.into {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				return fmt.Errorf("write schema: %w", err)
			}
		}
	}
	return nil
}
