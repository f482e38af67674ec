package schema

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"

	"gatehouse/internal/config"
)

// Config describes gatehouse.yaml. Comments become descriptions: they are read from source, the folder of package config's files.
func Config(source string) ([]byte, error) {
	return describe(source, &config.Config{}, ConfigID, "gatehouse.yaml", "What a Gatehouse installation is; who may do what is in the policy.")
}

// Targets describes targets.yaml, as Config does.
func Targets(source string) ([]byte, error) {
	return describe(source, &config.Inventory{}, TargetsID, "targets.yaml", "Which hosts there are. It grants nothing.")
}

func describe(source string, v any, id jsonschema.ID, title, about string) ([]byte, error) {
	comments, err := commentsOf(source)
	if err != nil {
		return nil, err
	}
	r := jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true, Mapper: scalar, LookupComment: comments}
	s := r.Reflect(v)
	root := reflect.TypeOf(v).Elem().Name()
	defs := s.Definitions
	if err := refine(root, s, defs); err != nil {
		return nil, err
	}
	s.ID, s.Title, s.Description = id, title, about
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render schema: %w", err)
	}
	return append(text, '\n'), nil
}

// commentsOf looks up a field's comment as a sentence.
func commentsOf(source string) (func(reflect.Type, string) string, error) {
	source, err := filepath.Abs(source)
	if err != nil {
		return nil, err
	}
	var read jsonschema.Reflector
	if err := read.AddGoComments("config", source, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	found := map[string]string{} // by type and field; the library's keys have the folder in them
	for key, text := range read.CommentMap {
		parts := strings.Split(key[strings.LastIndexByte(key, '/')+1:], ".")
		found[strings.Join(parts[max(0, len(parts)-2):], ".")] = text
	}
	return func(t reflect.Type, field string) string {
		if field == "" {
			return sentence(subject.ReplaceAllString(found["config."+t.Name()], ""))
		}
		return sentence(found[t.Name()+"."+field])
	}, nil
}

// subject is how the comment of a type begins: what it says of the type is said of the section.
var subject = regexp.MustCompile(`^[A-Z]\w* (is|are) `)

// sentence makes a comment behind a field one: a capital letter, a full stop, on one line.
func sentence(comment string) string {
	comment = strings.Join(strings.Fields(comment), " ")
	if comment == "" {
		return ""
	}
	if first := comment[:1]; !strings.HasPrefix(comment, "age1") && !strings.HasPrefix(comment, "host:port") && !strings.HasPrefix(comment, "ssh-") && !strings.HasPrefix(comment, "pkcs11") {
		comment = strings.ToUpper(first) + comment[1:]
	}
	return strings.TrimSuffix(comment, ".") + "."
}

const durationForm = `([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+`

// scalar describes the types that are written as one word.
func scalar(t reflect.Type) *jsonschema.Schema {
	text := func(pattern, about string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern, Description: about}
	}
	number := &jsonschema.Schema{Type: "integer", Minimum: "0"}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[config.Size]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(`^[0-9]+ *(KiB|MiB|GiB|TiB)?$`, "A size such as 64MiB."), number}}
	case reflect.TypeFor[config.Period]():
		return text(`^(forever|[1-9][0-9]{0,4}d|`+durationForm+`)$`, "A time such as 90d, 12h or forever.")
	case reflect.TypeFor[config.From]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(`^(start|now|[0-9]+)$`, "start, now or the number of an entry."), number}}
	case reflect.TypeFor[time.Duration]():
		return text(`^`+durationForm+`$`, "A duration such as 60s.")
	}
	if t.Kind() != reflect.Struct && reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.BytesUnmarshaler]()) {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text("", "One word."), number}} // with a form of its own, of which only package config knows
	}
	return nil
}
