package process

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// errTest is a test that is none: status 2.
type testError struct{ text string }

func (e *testError) Error() string { return e.text }

// test is the builtin, as POSIX has it: what the words mean depends on how many there are.
func (b *builtin) test() error {
	args := b.args
	if b.name == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			return b.say(2, "missing `]'")
		}
		args = args[:len(args)-1]
	}
	t := &tester{builtin: b, rest: args}
	yes, err := t.all(args)
	var bad *testError
	switch {
	case errors.As(err, &bad):
		return b.say(2, "%s", bad.text)
	case err != nil:
		return err
	case yes:
		return nil
	}
	return interp.ExitStatus(1)
}

type tester struct {
	*builtin
	rest []string
}

func (t *tester) all(args []string) (bool, error) {
	switch len(args) {
	case 0:
		return false, nil
	case 1:
		return args[0] != "", nil
	case 2:
		if args[0] == "!" {
			return args[1] == "", nil
		}
		if !unary(args[0]) {
			return false, &testError{args[0] + ": unary operator expected"}
		}
		return t.unary(args[0], args[1])
	case 3:
		return t.three(args)
	case 4:
		switch {
		case args[0] == "!":
			yes, err := t.three(args[1:])
			return !yes, err
		case args[0] == "(" && args[3] == ")":
			return t.all(args[1:3])
		}
	}
	return t.long(args)
}

func (t *tester) three(args []string) (bool, error) {
	switch {
	case binary(args[1]):
		return t.binary(args[0], args[1], args[2])
	case args[1] == "-a":
		return args[0] != "" && args[2] != "", nil
	case args[1] == "-o":
		return args[0] != "" || args[2] != "", nil
	case args[0] == "!":
		yes, err := t.all(args[1:])
		return !yes, err
	case args[0] == "(" && args[2] == ")":
		return args[1] != "", nil
	}
	return false, &testError{args[1] + ": binary operator expected"}
}

// long reads more words by precedence, as bash does: ! before -a before -o.
func (t *tester) long(args []string) (bool, error) {
	t.rest = args
	yes, err := t.or()
	if err == nil && len(t.rest) > 0 {
		err = &testError{"too many arguments"}
	}
	return yes, err
}

func (t *tester) or() (bool, error) {
	yes, err := t.and()
	for err == nil && len(t.rest) > 0 && t.rest[0] == "-o" {
		t.rest = t.rest[1:]
		var right bool
		right, err = t.and()
		yes = yes || right
	}
	return yes, err
}

func (t *tester) and() (bool, error) {
	yes, err := t.term()
	for err == nil && len(t.rest) > 0 && t.rest[0] == "-a" {
		t.rest = t.rest[1:]
		var right bool
		right, err = t.term()
		yes = yes && right
	}
	return yes, err
}

func (t *tester) term() (bool, error) {
	r := t.rest
	switch {
	case len(r) == 0:
		return false, &testError{"argument expected"}
	case r[0] == "!":
		t.rest = r[1:]
		yes, err := t.term()
		return !yes, err
	case len(r) >= 3 && binary(r[1]):
		t.rest = r[3:]
		return t.binary(r[0], r[1], r[2])
	case r[0] == "(":
		t.rest = r[1:]
		yes, err := t.or()
		if err == nil && (len(t.rest) == 0 || t.rest[0] != ")") {
			return false, &testError{"`)' expected"}
		}
		if err == nil {
			t.rest = t.rest[1:]
		}
		return yes, err
	case len(r) >= 2 && unary(r[0]):
		t.rest = r[2:]
		return t.unary(r[0], r[1])
	}
	t.rest = r[1:]
	return r[0] != "", nil
}

func unary(op string) bool {
	return len(op) == 2 && op[0] == '-' && strings.IndexByte("abcdefghkprstuvwxzGLNOSRno", op[1]) >= 0
}

func binary(op string) bool {
	switch op {
	case "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (t *tester) binary(x, op, y string) (bool, error) {
	switch op {
	case "=", "==":
		return x == y, nil
	case "!=":
		return x != y, nil
	case "<":
		return x < y, nil
	case ">":
		return x > y, nil
	case "-ef":
		return false, refuse("test -ef", "compare what stat prints")
	case "-nt", "-ot":
		if op == "-ot" {
			x, y = y, x
		}
		a, aErr := t.shell.stat(t.ctx, under(t.hc.Dir, x), true)
		b, bErr := t.shell.stat(t.ctx, under(t.hc.Dir, y), true)
		return aErr == nil && (bErr != nil || a.ModTime().After(b.ModTime())), nil
	}
	a, err := integer(x)
	if err != nil {
		return false, err
	}
	b, err := integer(y)
	if err != nil {
		return false, err
	}
	c := a.Cmp(b)
	switch op {
	case "-eq":
		return c == 0, nil
	case "-ne":
		return c != 0, nil
	case "-lt":
		return c < 0, nil
	case "-le":
		return c <= 0, nil
	case "-gt":
		return c > 0, nil
	}
	return c >= 0, nil
}

// integer is a decimal number with blanks around it, of 64 bits.
func integer(text string) (*big.Int, error) {
	trimmed := strings.TrimPrefix(strings.Trim(text, " \t\n"), "+")
	n, ok := new(big.Int).SetString(trimmed, 10)
	if !ok || !n.IsInt64() || strings.ContainsRune(trimmed, '_') {
		return nil, &testError{fmt.Sprintf("%s: integer expression expected", text)}
	}
	return n, nil
}

func (t *tester) unary(op, x string) (bool, error) {
	switch op {
	case "-n":
		return x != "", nil
	case "-z":
		return x == "", nil
	case "-v":
		if strings.Contains(x, "[") {
			return false, refuse("test -v "+x, "an element is tested by ${NAME[…]+set}")
		}
		return t.hc.Env.Get(x).IsSet(), nil
	case "-t":
		return t.terminal(x), nil
	case "-r", "-w", "-x":
		_, err := t.shell.link.ask(t.ctx, wire.Ask{Op: wire.OpAccess, Path: &wire.Path{Path: under(t.hc.Dir, x), Want: op[1:]}})
		return x != "" && err == nil, nil
	case "-N", "-o", "-R":
		return false, refuse("test "+op, "it is not read")
	}
	return t.file(op, x)
}

// terminal says whether a descriptor is the client's terminal.
func (t *tester) terminal(fd string) bool {
	s := t.shell
	if s.begin.Term == "" {
		return false
	}
	switch fd {
	case "0":
		return s.inputs.of(t.hc.Stdin).kind == fromClient
	case "1":
		_, ok := plain(t.hc.Stdout).(*output)
		return ok
	case "2":
		_, ok := plain(t.hc.Stderr).(*output)
		return ok
	}
	return false
}

// The kinds of files, of st_mode.
const (
	modeKind = 0o170000
	modePipe = 0o010000
	modeChar = 0o020000
	modeDir  = 0o040000
	modeBlk  = 0o060000
	modeFile = 0o100000
	modeLink = 0o120000
	modeSock = 0o140000
)

func (t *tester) file(op, x string) (bool, error) {
	got, err := t.shell.link.ask(t.ctx, wire.Ask{Op: wire.OpStat, Path: &wire.Path{Path: under(t.hc.Dir, x), Link: op == "-h" || op == "-L"}})
	if x == "" || err != nil || got.Info == nil {
		return false, nil
	}
	mode, kind := got.Info.Mode, got.Info.Mode&modeKind
	switch op {
	case "-f":
		return kind == modeFile, nil
	case "-d":
		return kind == modeDir, nil
	case "-h", "-L":
		return kind == modeLink, nil
	case "-p":
		return kind == modePipe, nil
	case "-S":
		return kind == modeSock, nil
	case "-b":
		return kind == modeBlk, nil
	case "-c":
		return kind == modeChar, nil
	case "-s":
		return got.Info.Size > 0, nil
	case "-u":
		return mode&0o4000 != 0, nil
	case "-g":
		return mode&0o2000 != 0, nil
	case "-k":
		return mode&0o1000 != 0, nil
	case "-O":
		return int64(got.Info.UID) == int64(t.shell.begin.UID), nil
	case "-G":
		return int64(got.Info.GID) == int64(t.shell.begin.GID), nil
	}
	return true, nil
}
