package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// decodeStrict reads exactly one JSON object into the struct that v points to: UTF-8, every name exactly as it is documented
// and once, no null. encoding/json alone takes names in any case and the last of two.
func decodeStrict(text []byte, v any) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	fields := map[string]bool{}
	kind := reflect.TypeOf(v).Elem()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		fields[name] = false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return errors.New("not JSON")
		}
		name, _ := token.(string)
		seen, known := fields[name]
		switch {
		case !known:
			return fmt.Errorf("the name %q is not known", shorten(name))
		case seen:
			return fmt.Errorf("the name %q is there twice", name)
		}
		fields[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errors.New("not JSON")
		}
		if string(value) == "null" {
			return fmt.Errorf("%q is null; leave it out", name)
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON object")
	}
	err := json.Unmarshal(text, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%q must be a %s", wrong.Field, wrong.Type)
	}
	return err
}

func shorten(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
