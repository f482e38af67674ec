package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// answerSchemas are the published definitions of the machine's lines, by their prefix.
var answerSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	path := filepath.Join("..", "..", "docs", "spec", "denial.schema.json")
	compiled := map[string]*jsonschema.Schema{}
	for prefix, def := range map[string]string{"GATEHOUSE-DENIAL": "Denial", "GATEHOUSE-ERROR": "Fault", "GATEHOUSE-KILLED": "Killed", "GATEHOUSE-WAITING": "Waiting"} {
		schema, err := jsonschema.NewCompiler().Compile(path + "#/$defs/" + def)
		if err != nil {
			return nil, err
		}
		compiled[prefix] = schema
	}
	return compiled, nil
})

// conforms holds a machine's line against the published schema, and wants nothing but printable ASCII in it.
func conforms(prefix, body string) error {
	schemas, err := answerSchemas()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", body, err)
	}
	if at := strings.IndexFunc(body, func(r rune) bool { return r < 0x20 || r > 0x7e }); at >= 0 {
		return fmt.Errorf("%q in the machine's line", body[at:])
	}
	if err := schemas[prefix].Validate(value); err != nil {
		return fmt.Errorf("%s: %w", body, err)
	}
	return nil
}
