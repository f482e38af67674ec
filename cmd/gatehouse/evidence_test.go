package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/supervisor"
	"gatehouse/internal/testhost"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// read returns the audit entries from an offset on; an entry that is still being written is left out.
func (s *scene) read(from int64) ([][]byte, error) {
	text, err := os.ReadFile(s.entriesPath())
	if err != nil {
		return nil, err
	}
	text = text[min(from, int64(len(text))):]
	var out [][]byte
	for line := range bytes.Lines(text) {
		if bytes.HasSuffix(line, []byte("\n")) {
			out = append(out, line)
		}
	}
	return out, nil
}

// noted waits for an entry, written since the last client began, that match accepts.
func (s *scene) noted(match func(audit.Entry) bool) error {
	return s.eventually(func() error {
		lines, err := s.read(s.entries)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if e, err := audit.Parse(line); err == nil && match(e) {
				return nil
			}
		}
		return errors.New("the audit log has no such entry")
	})
}

// cmdAudit: [!] audit [-all] TYPE [FIELD=VALUE | FIELD~REGEXP | FIELD=?NAME]…: there is an entry, written since the last client
// began (-all: ever), with these fields. FIELD=?NAME puts the field's value into $NAME. FIELD may go into data: data.code.
func cmdAudit(s *scene, ts *testscript.TestScript, args []string) error {
	from := s.entries
	if len(args) > 0 && args[0] == "-all" {
		from, args = 0, args[1:]
	}
	if len(args) == 0 {
		return errors.New("usage: audit [-all] TYPE [FIELD=VALUE | FIELD~REGEXP | FIELD=?NAME]…")
	}
	var have [][]byte
	err := s.eventually(func() error {
		var err error
		if have, err = s.read(from); err != nil {
			return err
		}
		for _, line := range have {
			found, err := fits(line, args)
			if err != nil {
				return err
			}
			if found != nil {
				for name, value := range found {
					ts.Setenv(name, value)
				}
				return nil
			}
		}
		return errAbsent
	})
	if errors.Is(err, errAbsent) {
		return fmt.Errorf("%w: no entry %q among\n%s", errAbsent, args, bytes.Join(have, nil))
	}
	return err
}

// fits compares one entry; it returns the values that were asked for, or nil.
func fits(line []byte, want []string) (map[string]string, error) {
	var e map[string]any
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, err
	}
	if e["type"] != want[0] {
		return nil, nil
	}
	found := map[string]string{}
	for _, w := range want[1:] {
		i := strings.IndexAny(w, "=~")
		if i < 0 {
			return nil, fmt.Errorf("%q has no = or ~", w)
		}
		have := field(e, w[:i])
		value := w[i+1:]
		name, asked := strings.CutPrefix(value, "?")
		switch {
		case w[i] == '~':
			re, err := regexp.Compile(value)
			if err != nil {
				return nil, err
			}
			if !re.MatchString(have) {
				return nil, nil
			}
		case asked:
			if have == "" {
				return nil, nil
			}
			found[name] = have
		case have != value:
			return nil, nil
		}
	}
	return found, nil
}

// field is the text at a dotted path; what is not text is its JSON.
func field(e map[string]any, path string) string {
	name, rest, deeper := strings.Cut(path, ".")
	v := e[name]
	if inner, ok := v.(map[string]any); ok && deeper {
		return field(inner, rest)
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(v) // it came from JSON
	return string(text)
}

// cmdLog: [!] log REGEXP: a line of the service's own log since the last client began.
func cmdLog(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: log REGEXP")
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	return s.eventually(func() error {
		if slices.ContainsFunc(s.gate.Log()[s.logged:], re.MatchString) {
			return nil
		}
		return errAbsent
	})
}

// cmdVerify: verify [FLAG…]: gatehouse audit verify finds everything whole.
func cmdVerify(s *scene, ts *testscript.TestScript, args []string) error {
	if err := s.call(ts, s.binary, append([]string{"audit", "verify", "--data", s.gate.Data}, args...)); err != nil {
		return err
	}
	if s.last.status != 0 {
		return fmt.Errorf("audit verify: status %d: %s%s", s.last.status, s.last.stdout, s.last.stderr)
	}
	return nil
}

// newCalls is how recording programs were called since the last client began.
func (s *scene) newCalls(target string) ([]testhost.Call, error) {
	h, err := s.host(target)
	if err != nil {
		return nil, err
	}
	calls, err := h.Calls()
	if err != nil {
		return nil, err
	}
	return calls[s.calls[target]:], nil
}

// cmdArrived: arrived TARGET JSON [NAME=VALUE | !NAME | uid=N | stdin=FILE]…: exactly one recording program was called
// there since the last client began, with exactly this argv and, where given, environment, user and standard input.
func cmdArrived(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: arrived TARGET JSON [NAME=VALUE | !NAME | uid=N | stdin=FILE]…")
	}
	var want []string
	if err := json.Unmarshal([]byte(args[1]), &want); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	calls, err := s.newCalls(args[0])
	if err != nil {
		return err
	}
	if path := "/usr/local/bin/" + want[0]; len(calls) == 1 && calls[0].Argv[0] == path {
		want[0] = path // Gatehouse starts a program by its path
	}
	if len(calls) != 1 || !reflect.DeepEqual(calls[0].Argv, want) {
		return fmt.Errorf("want one call %q, got %+v", want, calls)
	}
	c := calls[0]
	for _, a := range args[2:] {
		name, value, _ := strings.Cut(a, "=")
		ok := slices.Contains(c.Env, a)
		switch {
		case a[0] == '!':
			ok = !slices.ContainsFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, a[1:]+"=") })
		case name == "uid":
			ok = fmt.Sprint(c.UID) == value
		case name == "stdin":
			input := ""
			if value != "" {
				input = ts.ReadFile(value)
			}
			ok = c.StdinSHA256 == fmt.Sprintf("%x", sha256.Sum256([]byte(input)))
		}
		if !ok {
			return fmt.Errorf("%s does not hold: environment %q, uid %d, stdin %d:%s", a, c.Env, c.UID, c.StdinBytes, c.StdinSHA256)
		}
	}
	return nil
}

// cmdNothingArrived: no recording program was called on any target since the last client began, and no home holds a PWN.
func cmdNothingArrived(s *scene, _ *testscript.TestScript, _ []string) error {
	for name, h := range s.gate.Hosts {
		calls, err := s.newCalls(name)
		if err != nil {
			return err
		}
		if len(calls) > 0 {
			return fmt.Errorf("%s was reached: %+v", name, calls)
		}
		for _, dir := range []string{"/home/deploy", "/root", "/tmp", "/srv"} {
			path, err := h.Path(dir + "/PWN")
			if err != nil {
				return err
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%s has %s/PWN (%v)", name, dir, err)
			}
		}
	}
	return nil
}

// cmdUnwritten: unwritten TEXT: no recording, in what it holds and as it lies on disk, and nothing else of the door's, has TEXT.
func cmdUnwritten(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: unwritten TEXT")
	}
	seen := 0
	err := filepath.WalkDir(supervisor.DoorDir(s.gate.Data), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if r, err := recorder.OpenFile(path); err == nil {
			seen++
			for e := range r.Events() {
				text = append(text, e.Data...)
			}
			r.Close()
		}
		if bytes.Contains(text, []byte(args[0])) {
			return fmt.Errorf("%s holds %q", path, args[0])
		}
		return nil
	})
	if err == nil && seen == 0 {
		err = errors.New("there is no recording")
	}
	return err
}

// cmdRecorded: recorded SESSION TEXT: the session's recording, as it lies on disk now, has TEXT in its output.
func cmdRecorded(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: recorded SESSION TEXT")
	}
	path, err := recorder.Path(filepath.Join(supervisor.DoorDir(s.gate.Data), "recordings"), args[0])
	if err != nil {
		return err
	}
	return s.eventually(func() error {
		r, err := recorder.OpenFile(path)
		if err != nil {
			return err
		}
		defer r.Close()
		var output []byte
		for e, err := range r.Events() {
			if err != nil {
				break // the end of what is written so far
			}
			if e.Code == recorder.Output {
				output = append(output, e.Data...)
			}
		}
		if !bytes.Contains(output, []byte(args[1])) {
			return fmt.Errorf("recorded so far: %q", output)
		}
		return nil
	})
}
