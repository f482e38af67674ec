package policy_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// bypassRows is how many ways of doing something else than was approved the catalogue in testdata/bypass/catalogue.txt has.
const bypassRows = 133

// TestBypasses runs the cases of testdata/bypass: one file a mechanism, whose comment is the claim. Each line of its cases is
//
//	ROW VERDICT [pty] [NAME=VALUE]… | LINE
//
// ROW is the number of the catalogue, or - for what the catalogue does not have. VERDICT is a denial's code, "ask", or "allow", which is
// followed by a line "= FINAL": exactly what runs. LINE may be Go's quoted string, after %; the JSON of an argv, after "argv "; or a plan's
// JSON, after "plan ", as a taken-over door could send it. A file may have a world of its own beside the common one, and a policy in the
// common one's place.
func TestBypasses(t *testing.T) {
	for _, c := range bypassCases(t) {
		c.run(t)
	}
}

// TestEveryRowIsStopped: each row of the catalogue is a case here, with real programs or with real shells, or stands in the threat model with what stops it.
func TestEveryRowIsStopped(t *testing.T) {
	found := map[int][]string{}
	for _, c := range bypassCases(t) {
		found[c.row] = append(found[c.row], c.file)
	}
	scripts, err := filepath.Glob("../cmd/gatehouse/testdata/script/bypass*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	listed := regexp.MustCompile(`(?m)^\| ([0-9 ·]+) \| `)
	own, err := filepath.Glob("bypass_*_test.go")
	if err != nil || len(own) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	texts := map[*regexp.Regexp][]string{regexp.MustCompile(`(?m)(?:#|//) rows? ([0-9 ]+)`): append(scripts, own...), listed: {"../docs/threat-model.md"}}
	for shape, files := range texts {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range shape.FindAllStringSubmatch(string(text), -1) {
				for _, number := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == '·' }) {
					row, _ := strconv.Atoi(number)
					found[row] = append(found[row], filepath.Base(file))
				}
			}
		}
	}
	names := catalogue(t)
	for row := 1; row <= bypassRows; row++ {
		if len(found[row]) == 0 {
			t.Errorf("row %d (%s) is no case, and docs/threat-model.md does not say what stops it", row, names[row])
		}
	}
	for row := range found {
		if row < 0 || row > bypassRows {
			t.Errorf("there is no row %d: %v", row, found[row])
		}
	}
}

// catalogue is the rows' names.
func catalogue(t *testing.T) map[int]string {
	t.Helper()
	text, err := os.ReadFile("testdata/bypass/catalogue.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := map[int]string{}
	for line := range strings.Lines(string(text)) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		row, err := strconv.Atoi(number)
		if err != nil || row != len(names)+1 || name == "" {
			t.Fatalf("the catalogue's row %d is %q", len(names)+1, line)
		}
		names[row] = name
	}
	if len(names) != bypassRows {
		t.Fatalf("the catalogue has %d rows", len(names))
	}
	return names
}

// bypassCase is one line of a file's cases.
type bypassCase struct {
	file    string
	at      int // line within the cases
	row     int // 0: not of the catalogue
	verdict string
	pty     bool
	env     []policy.EnvVar
	line    string
	final   string

	policy *policy.Policy
	world  mapped
}

func bypassCases(t *testing.T) []bypassCase {
	t.Helper()
	files, err := filepath.Glob("testdata/bypass/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var all []bypassCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(archive.Comment)) == "" {
			t.Errorf("%s claims nothing", file)
		}
		all = append(all, fileCases(t, filepath.Base(file), archive)...)
	}
	return all
}

// fileCases reads one file.
func fileCases(t *testing.T, file string, archive *txtar.Archive) []bypassCase {
	t.Helper()
	parts := map[string]string{}
	for _, f := range archive.Files {
		parts[f.Name] = string(f.Data)
	}
	for _, name := range []string{"policy.yaml", "world"} {
		text, err := os.ReadFile(filepath.Join("testdata/bypass", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "world" {
			parts[name] = string(text) + parts[name]
		} else if parts[name] == "" {
			parts[name] = string(text)
		}
	}
	p, w := parsed(t, parts["policy.yaml"]), readMapped(t, parts["world"])
	var cases []bypassCase
	lines := bufio.NewScanner(strings.NewReader(parts["cases"]))
	for at := 1; lines.Scan(); at++ {
		text := lines.Text()
		switch {
		case text == "" || text[0] == '#':
		case strings.HasPrefix(text, "= ") && len(cases) > 0:
			cases[len(cases)-1].final = text[2:]
		default:
			c := readCase(t, file, at, text)
			c.policy, c.world = p, w
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		t.Errorf("%s has no cases", file)
	}
	return cases
}

func readCase(t *testing.T, file string, at int, text string) bypassCase {
	t.Helper()
	head, line, ok := strings.Cut(text, " | ")
	fields := strings.Fields(head)
	if !ok || len(fields) < 2 {
		t.Fatalf("%s: line %d of its cases is not ROW VERDICT | LINE: %q", file, at, text)
	}
	c := bypassCase{file: file, at: at, verdict: fields[1], line: line}
	if fields[0] != "-" {
		row, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatalf("%s: line %d: %v", file, at, err)
		}
		c.row = row
	}
	for _, field := range fields[2:] {
		name, value, set := strings.Cut(field, "=")
		switch {
		case field == "pty":
			c.pty = true
		case set:
			if quoted, err := strconv.Unquote(value); err == nil {
				value = quoted
			}
			c.env = append(c.env, policy.EnvVar{Name: name, Value: value})
		default:
			t.Fatalf("%s: line %d: %q is neither pty nor NAME=VALUE", file, at, field)
		}
	}
	return c
}

// run decides as the door and the decider do.
func (c bypassCase) run(t *testing.T) {
	t.Helper()
	d := c.decide(t)
	got := string(d.Verdict)
	if d.Verdict == policy.Deny {
		got = string(d.Code)
	}
	if got != c.verdict {
		t.Errorf("%s: %s: got %s %v (%s), want %s", c.file, c.line, got, d.Rules, d.Reason, c.verdict)
		return
	}
	if d.Plan == nil {
		return
	}
	if err := d.Plan.ValidateFinal(); err != nil {
		t.Errorf("%s: %s: the plan is not final: %v", c.file, c.line, err)
	}
	if final := d.Plan.String(); final != c.final {
		t.Errorf("%s: %s: runs\n%s\nwant\n%s", c.file, c.line, final, c.final)
	}
}

func (c bypassCase) decide(t *testing.T) policy.Decision {
	t.Helper()
	plan, err := c.plan(t)
	if err != nil {
		return policy.Decision{Verdict: policy.Deny, Code: policy.CodeUnsupportedSyntax, Reason: err.Error()}
	}
	r := asDeploy(plan)
	r.PTY, r.Env = c.pty, c.env
	for range 5 {
		d := c.policy.Decide(r)
		if d.Verdict != policy.Look {
			return d
		}
		c.world.answer(d.Probes, &r.Facts)
	}
	t.Fatalf("%s: %s: no outcome after five looks", c.file, c.line)
	return policy.Decision{}
}

// plan is what the door would send.
func (c bypassCase) plan(t *testing.T) (policy.Plan, error) {
	line := c.line
	if text, ok := strings.CutPrefix(line, "plan "); ok {
		var plan policy.Plan
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			t.Fatalf("%s: %s: %v", c.file, line, err)
		}
		return plan, plan.Validate()
	}
	if text, ok := strings.CutPrefix(line, "argv "); ok {
		line = shell.ArgvPrefix + base64.RawURLEncoding.EncodeToString([]byte(text))
	} else if text, ok := strings.CutPrefix(line, "%"); ok {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			t.Fatalf("%s: %s: %v", c.file, line, err)
		}
		line = unquoted
	}
	return shell.ParseFor(shell.Context{Login: "deploy"}, line)
}

// mapped is a target by what its probes find. Programs that it does not list are not there; paths that it does not list lead where
// they say, by way of its links.
type mapped struct {
	programs map[string]policy.ProgramFact
	links    map[string]string
	globs    map[string][]string
}

// readMapped reads "program NAME PATH [REAL]", "unsafe NAME WHY", "link PATH TARGET", "unclear PATH" and "glob PATTERN PATH…", one a line.
func readMapped(t *testing.T, text string) mapped {
	t.Helper()
	w := mapped{map[string]policy.ProgramFact{}, map[string]string{}, map[string][]string{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0][0] == '#':
		case f[0] == "usual":
			for _, name := range f[1:] {
				w.programs[name] = root("/usr/bin/" + name)
				w.programs["/usr/bin/"+name] = root("/usr/bin/" + name)
				w.programs["/bin/"+name] = policy.ProgramFact{Path: "/bin/" + name, Real: "/usr/bin/" + name}
			}
		case f[0] == "program" && len(f) >= 3:
			w.programs[f[1]] = policy.ProgramFact{Path: f[2], Real: f[len(f)-1]}
		case f[0] == "unsafe" && len(f) >= 3:
			w.programs[f[1]] = policy.ProgramFact{Why: strings.Join(f[2:], " ")}
		case f[0] == "unclear" && len(f) == 2:
			w.links[f[1]] = ""
		case f[0] == "link" && len(f) == 3:
			w.links[f[1]] = f[2]
		case f[0] == "glob" && len(f) >= 2:
			w.globs[f[1]] = f[2:]
		default:
			t.Fatalf("the world has %q", line)
		}
	}
	return w
}

func (w mapped) answer(probes []policy.Probe, into *policy.Facts) {
	paths := map[string]string{}
	for _, p := range probes {
		if p.Kind == policy.ProbePath {
			paths[p.Name] = w.real(p.Name)
		}
	}
	world{home: "/home/deploy", programs: w.programs, paths: paths, globs: w.globs}.answer(probes, into)
}

// real goes along a path as a kernel does.
func (w mapped) real(name string) string {
	at, rest := "/", strings.Split(name, "/")
	for steps := 0; len(rest) > 0 && steps < 200; steps++ {
		next := rest[0]
		rest = rest[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		here := path.Join(at, next)
		target, link := w.links[here]
		if !link {
			at = here
			continue
		}
		if target == "" {
			return "" // as a look answers where it cannot say
		}
		if path.IsAbs(target) {
			at = "/"
		}
		rest = slices.Concat(strings.Split(target, "/"), rest)
	}
	return at
}
