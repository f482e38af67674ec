package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/reckon"
)

// markReckon begins the path by which a text asks for a number: $(<PATH), of which the interpreter opens PATH and reads what is in it,
// without a subshell. Behind it stand what the number is for and the expression, expanded (rewrite_reckon.go).
const markReckon = mark + "="

// What a number is for, which decides what a fault does.
const (
	forWord    = "e" // $((…)), ${x:…:…}: it ends the line
	forStatus  = "l" // ((…)), let: it is a status
	forLoop    = "c" // for ((…)): it ends the text
	forIndex   = "i" // ${a[…]}, behind the array's name
	forElement = "j" // a[…]=, behind the array's name
	forTest    = "t" // [[ … -eq … ]], behind the operator
	forName    = "n" // ${!name}: whether it names something

	forDefault     = "d" // behind nothing or y: a question that counts where it is nothing
	forAlternative = "a" // … where it is y
)

// part stands between the texts of one question.
const part = "\x02"

// discardVariable is set where a fault has ended a line, and not the shell.
const discardVariable = "__gatehouse_discard"

// readFault is what reading a number says: the interpreter prints it, and exits where it is one of a variable that is not set.
type readFault struct {
	text string
	ends bool
}

func (f *readFault) Error() string { return "bash: line 1: " + f.text }

func (f *readFault) Unwrap() error {
	if f.ends {
		return expand.UnsetParameterError{}
	}
	return nil
}

// faulty is a file that cannot be read.
type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error)     { return 0, f.err }
func (faulty) Write([]byte) (int, error)      { return 0, errEnded }
func (faulty) Close() error                   { return nil }
func answered(text string) io.ReadWriteCloser { return textFile{strings.NewReader(text)} }

// reckoned answers a question for a number.
func (sh *shell) reckoned(ctx context.Context, question string) (io.ReadWriteCloser, error) {
	r := &reckoner{shell: sh, hc: interp.HandlerCtx(ctx)}
	r.env = environOf(runnerOf(r.hc))
	emptied(runnerOf(r.hc))
	purpose, rest := question[:1], question[1:]
	switch purpose {
	case forIndex, forElement:
		name, text, _ := strings.Cut(rest, part)
		return r.index(name, text, purpose == forElement)
	case forDefault, forAlternative:
		set, inner, _ := strings.Cut(rest, part)
		if (set == "y") == (purpose == forAlternative) {
			return sh.reckoned(ctx, inner)
		}
		return answered(""), nil
	case forName:
		return r.indirect(rest)
	case forTest:
		return r.compare(strings.SplitN(rest, part, 3))
	}
	n, err := int64(0), error(nil)
	for text := range strings.SplitSeq(rest, part) {
		if n, err = reckon.Value(text, r); err != nil {
			return r.fault(err, purpose)
		}
	}
	return answered(strconv.FormatInt(n, 10)), nil
}

// reckoner works out one expression: it is the text's variables.
type reckoner struct {
	shell *shell
	hc    interp.HandlerContext
	env   expand.WriteEnviron
}

// errUnset ends a shell under set -u.
type errUnset struct{ name string }

func (e *errUnset) Error() string { return e.name + ": unbound variable" }

// errReadonly is what bash says of a variable that cannot be set, which is a fault of the expression.
type errReadonly struct{ name string }

func (e *errReadonly) Error() string { return e.name + ": readonly variable" }

// fault is what an error does to the text.
func (r *reckoner) fault(err error, purpose string) (io.ReadWriteCloser, error) {
	var unset *errUnset
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		return nil, err
	case errors.As(err, &unset) && !r.shell.posix:
		return faulty{&readFault{unset.Error(), true}}, r.env.Set(admit.Unset, shown("1"))
	case r.shell.posix || purpose == forLoop:
		return nil, refuse("arithmetic", "%v", err)
	case purpose == forStatus:
		return faulty{&readFault{err.Error(), false}}, nil
	}
	return r.discard(err.Error())
}

// discard ends the line that is read, as bash does for a fault of an expansion. Within eval and source that would be their own line.
func (r *reckoner) discard(text string) (io.ReadWriteCloser, error) {
	if len(r.shell.chainAt(r.hc)) > len(r.shell.chain()) {
		return nil, refuse("eval", "%s", text)
	}
	return faulty{&readFault{text, true}}, r.env.Set(discardVariable, shown("1"))
}

// index is a subscript: a key as it stands, or a number.
func (r *reckoner) index(name, text string, set bool) (io.ReadWriteCloser, error) {
	_, v := r.resolve(name)
	if v.Kind == expand.Associative {
		if strings.HasSuffix(text, "\n") {
			return nil, refuse("subscript", "a key that ends with a new line is not read")
		}
		return answered(text), nil
	}
	n, err := reckon.Value(text, r)
	var unset *errUnset
	switch {
	case errors.As(err, &unset):
		return r.fault(err, forWord)
	case err != nil:
		return nil, refuse("subscript", "%v", err) // ends all of the text in bash as well, without a word of what is refused
	case n >= 0 || n+int64(length(v)) >= 0:
		return answered(strconv.FormatInt(n, 10)), nil
	case set:
		return r.discard(fmt.Sprintf("%s[%s]: bad array subscript", name, text))
	}
	fmt.Fprintf(r.hc.Stderr, "bash: line 1: %s: bad array subscript\n", name)
	return answered(nowhere), nil
}

// nowhere is an index that no element has.
const nowhere = "1073741823"

// noVariable is never set.
const noVariable = "__gatehouse_none"

// indirect is nothing where the value of a variable is a name, and a fault where it is none.
func (r *reckoner) indirect(name string) (io.ReadWriteCloser, error) {
	value, set := r.named(name)
	digits := value != "" && strings.Trim(value, "0123456789") == ""
	switch {
	case !set:
		return r.discard(name + ": invalid indirect expansion")
	case syntax.ValidName(value) || digits:
		return answered(""), nil
	case strings.ContainsAny(value, "[?$!-@*#"):
		return nil, refuse("${!"+name+"}", "%q is no plain name", value)
	}
	return r.discard(value + ": invalid variable name")
}

// named is a variable's value, or a parameter's, and whether it is set.
func (r *reckoner) named(name string) (string, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		params := runnerOf(r.hc).Elem().FieldByName("Params")
		if n < 1 || n > params.Len() {
			return "", false
		}
		return params.Index(n - 1).String(), true
	}
	_, v := r.resolve(name)
	return v.String(), v.IsSet()
}

// length is the least index behind all elements.
func length(v expand.Variable) int {
	switch {
	case v.Kind == expand.String:
		return 1
	case len(v.Indexes) > 0:
		return v.Indexes[len(v.Indexes)-1] + 1
	}
	return len(v.List)
}

// compare is a comparison of numbers in [[ ]]: something where it holds. A fault is told, and it does not hold.
func (r *reckoner) compare(of []string) (io.ReadWriteCloser, error) {
	if len(of) != 3 {
		return nil, refuse("[[", "it is not read")
	}
	var n [2]int64
	for i := range n {
		var err error
		if n[i], err = reckon.Value(of[i+1], r); reckon.IsFault(err) {
			fmt.Fprintf(r.hc.Stderr, "bash: line 1: [[: %v\n", err)
			return answered(""), nil
		} else if err != nil {
			return r.fault(err, forWord)
		}
	}
	x, y := n[0], n[1]
	if map[string]bool{"-eq": x == y, "-ne": x != y, "-lt": x < y, "-le": x <= y, "-gt": x > y, "-ge": x >= y}[of[0]] {
		return answered("1"), nil
	}
	return answered(""), nil
}

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

func shown(text string) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.String, Str: text}
}

// The places of options in the interpreter's list.
const (
	optionAllexport = 0
	optionErrexit   = 1
	optionNounset   = 4
)

func runnerValue(r *interp.Runner) reflect.Value { return reflect.ValueOf(r) }

func option(hc interp.HandlerContext, at int) bool {
	return runnerOf(hc).Elem().FieldByName("opts").Index(at).Bool()
}

func nounset(hc interp.HandlerContext) bool { return option(hc, optionNounset) }

// environOf are the variables of an interpreter, to be set as it sets them.
func environOf(runner reflect.Value) expand.WriteEnviron {
	f := runner.Elem().FieldByName("writeEnv")
	env, _ := reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().Interface().(expand.WriteEnviron)
	return env
}

// emptied empties what the interpreter collects $(<PATH) in, where it has put PATH together.
func emptied(runner reflect.Value) {
	f := runner.Elem().FieldByName("ecfg").Elem().FieldByName("bufferAlloc")
	if b, ok := reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Interface().(*strings.Builder); ok {
		b.Reset()
	}
}

// setLast makes a number what $? is.
func setLast(runner reflect.Value, status int) {
	f := runner.Elem().FieldByName("lastExit").FieldByName("code")
	reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().SetUint(uint64(uint8(status)))
}
