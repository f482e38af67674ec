// Package schema has the JSON Schemas (draft 2020-12) of gatehouse.yaml and targets.yaml, for editors, for `gatehouse config check` and
// for the manual pages.
//
// They are generated from the types of package config, their comments included (make generate); what counts is that package.
// A schema accepts every valid file, but one that writes a duration as a bare number. It cannot see what needs more than one place of a file, or another file.
package schema

import _ "embed"

// The schemas' names.
const (
	ConfigID  = "https://gatehouse.internal/gatehouse.schema.json"
	TargetsID = "https://gatehouse.internal/targets.schema.json"
)

//go:embed gatehouse.schema.json
var configText []byte

//go:embed targets.schema.json
var targetsText []byte

// File is a format.
type File struct {
	Name  string // as the file is usually called
	About string // what it is, in a phrase
	ID    string
	Text  []byte // the schema
}

// Files are the formats: gatehouse.yaml, targets.yaml.
var Files = []File{
	{"gatehouse.yaml", "what a Gatehouse installation is", ConfigID, configText},
	{"targets.yaml", "which hosts Gatehouse can reach", TargetsID, targetsText},
}
