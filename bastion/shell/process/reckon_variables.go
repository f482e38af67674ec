package process

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/reckon"
)

var _ reckon.Variables = (*reckoner)(nil)

// resolve follows names of names.
func (r *reckoner) resolve(name string) (string, expand.Variable) {
	v := r.env.Get(name)
	if n, to := v.Resolve(r.env); n != "" {
		return n, to
	}
	return name, v
}

// Get implements reckon.Variables.
func (r *reckoner) Get(name, subscript string, has bool) (string, error) {
	if r.reads++; r.reads > maxReads {
		return "", refuse("arithmetic", "an expression reads at most %d values", maxReads)
	}
	if text, own := r.ownNumber(name); own && !has {
		return text, nil
	}
	_, v := r.resolve(name)
	if !v.IsSet() && nounset(r.hc) {
		return "", &errUnset{name}
	}
	text, err := r.element(v, subscript, has)
	if r.shell.posix && err == nil && !plainNumber(text) {
		return "", refuse("value in arithmetic", "%s is no decimal number, of which every sh makes something else", name)
	}
	return text, err
}

// element is a variable's value or one of it.
func (r *reckoner) element(v expand.Variable, subscript string, has bool) (string, error) {
	if v.Kind == expand.Associative {
		key := "0"
		if has {
			key = subscript
		}
		if strings.ContainsAny(key, "$`\\\"'") {
			return "", refuse("subscript", "%q would be expanded once more: use ${name[key]}", key)
		}
		return v.Map[key], nil
	}
	i, err := r.subscript(v, subscript, has)
	if err != nil {
		return "", err
	}
	return elementAt(v, i), nil
}

func elementAt(v expand.Variable, i int) string {
	if v.Kind == expand.String && i == 0 {
		return v.Str
	}
	for at, value := range v.List {
		if v.Indexes == nil && at == i || v.Indexes != nil && v.Indexes[at] == i {
			return value
		}
	}
	return ""
}

// maxIndex is the greatest index that an element is given: the interpreter would fill what is below.
const maxIndex = 1 << 20

// subscript is an index; that of a plain variable is 0.
func (r *reckoner) subscript(v expand.Variable, text string, has bool) (int, error) {
	if !has {
		return 0, nil
	}
	if strings.ContainsAny(text, "$`\\\"'") || text == "@" || text == "*" {
		return 0, refuse("subscript", "%q is not reckoned with", text)
	}
	n, err := reckon.Value(text, r)
	if reckon.IsFault(err) {
		return 0, refuse("subscript", "%v", err)
	}
	if err == nil && n < 0 {
		n += int64(length(v))
	}
	if err == nil && (n < 0 || n > maxIndex) {
		return 0, refuse("subscript", "%s is not within the list", text)
	}
	return int(n), err
}

// Set implements reckon.Variables.
func (r *reckoner) Set(name, subscript string, has bool, value int64) error {
	name, v := r.resolve(name)
	if !admit.Settable(name) {
		return refuse("arithmetic", "%s cannot be set there", name)
	}
	if v.ReadOnly {
		return &errReadonly{name}
	}
	text := strconv.FormatInt(value, 10)
	v.Set, v.Local = true, false // which scope it is of, who sets it finds
	v.Exported = v.Exported || option(r.hc, optionAllexport)
	switch {
	case v.Kind == expand.Associative:
		if _, err := r.element(v, subscript, has); err != nil {
			return err
		}
		v.Map = withKey(v.Map, subscript, has, text)
	case v.Kind == expand.Indexed || has:
		i, err := r.subscript(v, subscript, has)
		if err != nil {
			return err
		}
		v = withElement(v, i, text)
	default:
		v.Kind, v.Str = expand.String, text
	}
	return r.env.Set(name, v)
}

func withKey(m map[string]string, key string, has bool, text string) map[string]string {
	if !has {
		key = "0"
	}
	all := map[string]string{key: text}
	for k, v := range m {
		if k != key {
			all[k] = v
		}
	}
	return all
}

// withElement is a list with one element set.
func withElement(v expand.Variable, i int, text string) expand.Variable {
	was := v
	if was.Kind == expand.String {
		was = expand.Variable{List: []string{v.Str}}
	}
	v.Kind, v.Str, v.List, v.Indexes = expand.Indexed, "", nil, nil
	put := func(at int, value string) { v.List, v.Indexes = append(v.List, value), append(v.Indexes, at) }
	done := false
	for at, value := range was.List {
		if was.Indexes != nil {
			at = was.Indexes[at]
		}
		if !done && at >= i {
			put(i, text)
			done = true
		}
		if at != i {
			put(at, value)
		}
	}
	if !done {
		put(i, text)
	}
	if v.Indexes[len(v.List)-1] == len(v.List)-1 {
		v.Indexes = nil
	}
	return v
}

// plainNumber says whether every sh reads a value alike.
func plainNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if text == "" || digits == "0" {
		return true
	}
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil && digits[0] >= '1' && digits[0] <= '9'
}
