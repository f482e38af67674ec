package main

import (
	"os"

	"gatehouse/policy/lab/schema"
)

// PolicySchemaCmd is `gatehouse policy schema`.
type PolicySchemaCmd struct{}

// Run prints the schema.
func (c *PolicySchemaCmd) Run() error {
	text, err := schema.Text()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
