package answer

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var schemaPath = filepath.Join("..", "..", "docs", "spec", "denial.schema.json")

// schemaID is the name by which others refer to the schema; the version is the lines' own.
const schemaID = "urn:gatehouse:denial:1"

// TestSchemaIsCurrent: the published schema is what the types say. -update writes it.
func TestSchemaIsCurrent(t *testing.T) {
	got := generate(t)
	if *update {
		if err := os.WriteFile(schemaPath, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/spec/denial.schema.json is not what the types say; run go test ./internal/answer -update and read the difference")
	}
}

// generate makes the schema of the three lines from their types and the comments of their fields.
func generate(t *testing.T) []byte {
	t.Helper()
	r := &reflector.Reflector{Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: false}
	whole := &reflector.Schema{Version: reflector.Version, ID: schemaID, Title: "What a client of Gatehouse is told when a command does not run, version 1",
		Description: "The JSON after GATEHOUSE-DENIAL, GATEHOUSE-ERROR, GATEHOUSE-KILLED and GATEHOUSE-WAITING, each with its own definition. Fields and codes are added within version 1; readers ignore what they do not know.",
		AnyOf:       []*reflector.Schema{{Ref: "#/$defs/Denial"}, {Ref: "#/$defs/Fault"}, {Ref: "#/$defs/Killed"}, {Ref: "#/$defs/Waiting"}}, Definitions: reflector.Definitions{}}
	for _, v := range []any{Denial{}, Fault{}, Killed{}, Waiting{}} {
		for name, def := range r.Reflect(v).Definitions {
			whole.Definitions[name] = def
		}
	}
	comments := fieldComments(t, "answer.go")
	maps.Copy(comments, fieldComments(t, "waiting.go"))
	for name, def := range whole.Definitions {
		for pair := def.Properties.Oldest(); pair != nil; pair = pair.Next() {
			describe(t, pair.Value, name, pair.Key, comments[name+"."+pair.Key])
		}
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// describe adds to a property what its Go type does not say.
func describe(t *testing.T, s *reflector.Schema, def, name, comment string) {
	if comment == "" {
		t.Errorf("the field %s of %s has no comment", name, def)
	}
	s.Description = comment
	switch name {
	case "v":
		s.Const = Version
	case "decision":
		s.Const = "deny"
	case "denial_id", "error_id", "session":
		s.Pattern = "^" + map[string]string{"denial_id": "dn", "error_id": "err", "session": "ses"}[name] + "_[0-9A-HJKMNP-TV-Z]{26}$"
	case "id":
		s.Pattern = "^ar_[0-9A-HJKMNP-TV-Z]{26}$"
	case "request":
		if def == "Waiting" {
			s.Pattern = "^ar_[0-9A-HJKMNP-TV-Z]{26}$"
		}
	case "retryable":
		s.Enum = []any{"no", "later"}
		if def == "Denial" {
			s.Enum = append(s.Enum, "after_approval")
		}
	case "code":
		if def == "Waiting" {
			s.Const = "approval_pending"
			return
		}
		codes := constants(t, "answer.go", "Fault")
		if def == "Denial" {
			codes = constants(t, filepath.Join("..", "..", "policy", "decision.go"), "Code")
		}
		s.AnyOf = []*reflector.Schema{{Enum: codes}, {Pattern: "^[a-z][a-z0-9_]*$"}}
	}
}

// fieldComments are the comments at the ends of the fields' lines, by type and JSON name.
func fieldComments(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if fields, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				tag, _ := strconv.Unquote(f.Tag.Value)
				name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
				comments[spec.Name.Name+"."+name] = strings.TrimSpace(f.Comment.Text())
			}
		}
		return true
	})
	return comments
}

// constants are the values of a Go file's string constants whose names begin so.
func constants(t *testing.T, path, prefix string) []any {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []any
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value)
			values = append(values, text)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s…", path, prefix)
	}
	return values
}

// published is the published schema, and the one of a kind of answer in it.
func published(t *testing.T, def string) (any, *jsonschema.Schema) {
	t.Helper()
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaID + "#/$defs/" + def)
	if err != nil {
		t.Fatal(err)
	}
	return doc, schema
}

// validate holds a machine's line against the published schema. Field names must be known too: a release sends no others.
func validate(t *testing.T, line string) {
	t.Helper()
	prefix, body, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	def := map[string]string{"GATEHOUSE-DENIAL": "Denial", "GATEHOUSE-ERROR": "Fault", "GATEHOUSE-KILLED": "Killed", "GATEHOUSE-WAITING": "Waiting"}[prefix]
	doc, schema := published(t, def)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v", body, err)
	}
	for name := range value.(map[string]any) {
		if _, known := doc.(map[string]any)["$defs"].(map[string]any)[def].(map[string]any)["properties"].(map[string]any)[name]; !known {
			t.Errorf("%s: the schema does not know %q", body, name)
		}
	}
}

// TestSchemaRefuses: a schema that takes everything would prove nothing.
func TestSchemaRefuses(t *testing.T) {
	_, schema := published(t, "Denial")
	good := map[string]any{"v": 1, "decision": "deny", "code": "not_allowed", "retryable": "no", "denial_id": "dn_01JDDDDDDDDDDDDDDDDDDDDDDD", "why": "w", "advice": "a"}
	if err := schema.Validate(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field string
		value any
	}{{"v", 2}, {"decision", "allow"}, {"code", "Not Allowed"}, {"code", nil}, {"retryable", "maybe"}, {"denial_id", "x"}, {"why", 3}, {"argv", []any{"x"}},
		{"failed_at", map[string]any{"command": 0}}, {"approvals", []any{map[string]any{}}}, {"column", "6"}} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		bad[c.field] = c.value
		if schema.Validate(bad) == nil {
			t.Errorf("%s may be %v", c.field, c.value)
		}
	}
	for field := range good {
		bad := map[string]any{}
		for k, v := range good {
			if k != field {
				bad[k] = v
			}
		}
		if schema.Validate(bad) == nil {
			t.Errorf("%s may be missing", field)
		}
	}
}

// TestEveryCodeHasWords: each code has a heading and advice that fit it, and when it may be tried again.
func TestEveryCodeHasWords(t *testing.T) {
	later := []string{"outside_window", "condition_not_met", "quota", "approval_expired", "locked", "paused"}
	headings := map[string]string{"needs_approval": "NEEDS APPROVAL", "dry_run": "DRY RUN", "approval_pending": "STILL WAITING", "approval_declined": "DECLINED", "approval_expired": "NOT APPROVED", "locked": "LOCKED", "paused": "PAUSED"}
	for _, code := range constants(t, filepath.Join("..", "..", "policy", "decision.go"), "Code") {
		d := Denial{Code: code.(string), DenialID: "dn_01JDDDDDDDDDDDDDDDDDDDDDDD", Target: "web-1", Why: "because"}
		human, machine, _ := strings.Cut(d.Lines(), "\n")
		validate(t, machine)
		want := "gatehouse: DENIED by policy (not a system fault): because. "
		if h := headings[d.Code]; h != "" {
			want = "gatehouse: " + h
		}
		if !strings.HasPrefix(human, want) || !strings.Contains(human, "because. ") || strings.HasSuffix(human, ". ") {
			t.Errorf("%s: %s", d.Code, human)
		}
		if got := Retryable(d.Code) == "later"; got != slices.Contains(later, d.Code) {
			t.Errorf("%s is retryable %s", d.Code, Retryable(d.Code))
		}
	}
}

// TestSpecHasEveryCode: docs/spec/answers.md explains each code, and says when it may be tried again as the program does.
func TestSpecHasEveryCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "answers.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range constants(t, filepath.Join("..", "..", "policy", "decision.go"), "Code") {
		if row := "\n| `" + code.(string) + "` | " + Retryable(code.(string)) + " | "; !strings.Contains(string(text), row) {
			t.Errorf("answers.md has no row %q", row)
		}
	}
	for _, code := range constants(t, "answer.go", "Fault") {
		if row := "\n| `" + code.(string) + "` | "; !strings.Contains(string(text), row) {
			t.Errorf("answers.md has no row %q", row)
		}
	}
	fields := fieldComments(t, "answer.go")
	maps.Copy(fields, fieldComments(t, "waiting.go"))
	for field := range fields {
		if _, name, _ := strings.Cut(field, "."); !strings.Contains(string(text), name) {
			t.Errorf("answers.md does not name the field %s", field)
		}
	}
}
