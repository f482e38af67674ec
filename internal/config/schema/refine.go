package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"gatehouse/internal/config"
	"gatehouse/internal/limits"
)

// required are the fields that each type must have.
var required = map[string][]string{
	"Config":        {"version", "data", "ssh", "policy", "targets"},
	"SSH":           {"listen", "names"},
	"TLS":           {"cert", "key"},
	"SignedBundles": {"allowed_signers", "reviewers"},
	"Witness":       {"url", "key"},
	"S3":            {"endpoint", "bucket", "access_key_file", "secret_key_file"},
	"Signer":        {"signer"},
	"Sink":          {"name"},
	"FileSink":      {"path"},
	"SyslogSink":    {"address"},
	"OTLPSink":      {"url"},
	"AlertChannel":  {"name", "kind"},
	"Inventory":     {"version"},
}

const nameForm = `^[a-z0-9][a-z0-9._-]{0,62}$`

// forms are what the types do not say of a field: by type and field.
var forms = map[string]func(*jsonschema.Schema){
	"Config.version":            words(1),
	"Inventory.version":         words(1),
	"Config.node":               pattern(nameForm),
	"SSH.listen":                address,
	"SSH.names":                 atLeastOne,
	"Web.listen":                emptyOr(`:[0-9]{1,5}$`),
	"Web.url":                   emptyOr(`^https?://[^/]`),
	"Metrics.listen":            emptyOr(`:[0-9]{1,5}$`),
	"Users.decider":             from(1),
	"Users.door":                from(1),
	"SignedBundles.reviewers":   from(1),
	"Log.level":                 words("trace", "debug", "info", "warn", "error"),
	"Witness.url":               pattern(`^https?://`),
	"Signer.signer":             words("file", "ssh-agent", "pkcs11"),
	"S3.endpoint":               pattern(`^https?://`),
	"S3.object_lock_days":       from(0),
	"Sink.name":                 pattern(nameForm),
	"Sink.format":               words("entry", "ocsf", "text", ""),
	"SyslogSink.address":        pattern(`^[^:].*:[0-9]{1,5}$`),
	"SyslogSink.facility":       words(append(anyOf(config.Facilities), "")...),
	"OTLPSink.url":              pattern(`^https?://`),
	"AlertChannel.name":         pattern(nameForm),
	"AlertChannel.kind":         words(config.AlertWebhook, config.AlertSlack, config.AlertEmail),
	"AlertChannel.url":          emptyOr(`https://`),
	"AlertChannel.security":     words(config.EmailSTARTTLS, config.EmailTLS, ""),
	"AlertChannel.min_severity": words(append(anyOf(config.AlertSeverities), "")...),
	"Target.address":            emptyOr(`:[0-9]{1,5}$`),
	"Target.logins":             each(nameForm),
	"Target.path":               each(`^/.`),
	"Inventory.targets":         named,
}

// abouts are what fields mean that have no comment.
var abouts = map[string]string{
	"Config.version":          "The version of the format: 1.",
	"Inventory.version":       "The version of the format: 1.",
	"Inventory.targets":       "The hosts, by the names under which people and agents ask for them.",
	"Target.labels":           "What policy can choose targets by: env: prod.",
	"Target.local":            "This machine itself.",
	"SSH.limits":              "What clients can spend of the door.",
	"Limits.penalty_exempt":   "Networks that are never punished; left out: this machine.",
	"Users.decider":           "Of the process that holds the keys and decides.",
	"Users.door":              "Of the process that listens.",
	"Audit.witnesses":         "Who cosigns checkpoints.",
	"Audit.anchors":           "Where checkpoints are only kept.",
	"Anchor.s3":               "A bucket.",
	"S3.bucket":               "Its name.",
	"S3.access_key_file":      "The file with the access key's id.",
	"S3.secret_key_file":      "The file with the secret key.",
	"Secret.file":             "A file, closed to others.",
	"Secret.env":              "A variable of the environment.",
	"Sink.name":               "The sink's own name.",
	"SyslogSink.facility":     "Of RFC 5424; default local4.",
	"AlertChannel.name":       "The channel's own name.",
	"Retention.keep":          "How long: 90d, 12h or forever.",
	"CA.all":                  "All four that are not named.",
	"CA.agent":                "The one that says who may knock.",
	"CA.target":               "The one that opens targets.",
	"CA.host":                 "The one that targets' host keys are certified by.",
	"CA.face":                 "The one that clients trust.",
	"SignedBundles.reviewers": "How many people besides the author, from 1 to 16.",
}

func words(values ...any) func(*jsonschema.Schema) {
	return func(s *jsonschema.Schema) { s.Enum = values }
}

func pattern(form string) func(*jsonschema.Schema) {
	return func(s *jsonschema.Schema) { s.Pattern = form }
}

func emptyOr(form string) func(*jsonschema.Schema) { return pattern(`^$|` + form) }

func from(n int) func(*jsonschema.Schema) {
	return func(s *jsonschema.Schema) { s.Minimum = json.Number(fmt.Sprint(n)) }
}

func each(form string) func(*jsonschema.Schema) {
	return func(s *jsonschema.Schema) { s.Items.Pattern = form }
}

func address(s *jsonschema.Schema) { s.Pattern = `:[0-9]{1,5}$` }

func atLeastOne(s *jsonschema.Schema) {
	one := uint64(1)
	s.MinItems = &one
}

func named(s *jsonschema.Schema) { s.PropertyNames = &jsonschema.Schema{Pattern: nameForm} }

func anyOf(texts []string) []any {
	var out []any
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}

// refine completes the schema of a type and of those that it leads to. What is said of a type or field that there is not is an
// error.
func refine(root string, s *jsonschema.Schema, defs jsonschema.Definitions) error {
	types := map[string]*jsonschema.Schema{root: s}
	for name, def := range defs {
		types[name] = def
	}
	for name, def := range types {
		for _, field := range required[name] {
			if _, ok := def.Properties.Get(field); !ok {
				return fmt.Errorf("%s has no field %q", name, field)
			}
		}
		def.Required = slices.Clone(required[name])
		for key, form := range forms {
			of, field, _ := strings.Cut(key, ".")
			if of != name {
				continue
			}
			property, ok := def.Properties.Get(field)
			if !ok {
				return fmt.Errorf("%s has no field %q", name, field)
			}
			form(property)
		}
		for key, about := range abouts {
			if of, field, _ := strings.Cut(key, "."); of == name {
				property, ok := def.Properties.Get(field)
				if !ok {
					return fmt.Errorf("%s has no field %q", name, field)
				}
				property.Description = about
			}
		}
		if name == "Limits" {
			for _, r := range limits.Table {
				if property, ok := def.Properties.Get(r.Name); ok {
					property.Description = r.What
				}
			}
		}
		if def.Properties != nil {
			for p := def.Properties.Oldest(); p != nil; p = p.Next() {
				p.Value = orNothing(p.Value, slices.Contains(def.Required, p.Key))
			}
		}
	}
	return nil
}

// orNothing lets a section stand empty, as it does when all its lines are comments.
func orNothing(s *jsonschema.Schema, needed bool) *jsonschema.Schema {
	section := s.Ref != "" || s.Type == "object" || s.Type == "array"
	if needed || !section {
		return s
	}
	filled := *s
	filled.Description = ""
	return &jsonschema.Schema{Description: s.Description, AnyOf: []*jsonschema.Schema{&filled, {Type: "null"}}}
}
