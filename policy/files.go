package policy

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// pathRule is a path by glob, as files, dirs and redirections have it.
type pathRule struct {
	text    string
	pattern *command.Pattern // of one word
}

// fileRules are the paths that a role's commands and transfers may read and write.
type fileRules struct{ read, write []pathRule }

func (f fileRules) of(direction Direction) []pathRule {
	if direction == FileRead {
		return f.read
	}
	return f.write
}

// forwardRule is an endpoint that a role may reach through a target.
type forwardRule struct {
	text string
	host *command.Pattern // of one word
	port uint16
}

// onePath makes a pattern of one word that is a path.
func onePath(glob string) (*command.Pattern, error) {
	return command.Parse("path <path:"+glob+">", nil)
}

// readPaths reads a list of path globs.
func readPaths(v value) []pathRule {
	var list []pathRule
	for _, item := range v.list() {
		text, ok := item.text()
		if !ok {
			continue
		}
		pattern, err := onePath(text)
		if err != nil || strings.ContainsAny(text, "<>,") || text[0] != '/' && text[0] != '~' {
			item.problem("%q cannot be %s: write an absolute path, or one below the login's home as ~/…, in which * and ? stay between slashes and ** is everything below", text, item.what)
			continue
		}
		list = append(list, pathRule{text, pattern})
	}
	return list
}

func readFiles(v value) fileRules {
	var f fileRules
	v.fields(map[string]func(value){
		"read":  func(v value) { f.read = readPaths(v) },
		"write": func(v value) { f.write = readPaths(v) },
	})
	return f
}

// readForwards reads endpoints, "db-1:5432".
func readForwards(v value) []forwardRule {
	var list []forwardRule
	for _, item := range v.list() {
		text, ok := item.text()
		if !ok {
			continue
		}
		f, err := parseForward(text)
		if err != nil {
			item.problem("%q cannot be %s: %v", text, item.what, err)
			continue
		}
		list = append(list, f)
	}
	return list
}

func parseForward(text string) (forwardRule, error) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return forwardRule{}, fmt.Errorf("write HOST:PORT, as in db-1:5432")
	}
	host := strings.TrimSuffix(strings.TrimPrefix(text[:colon], "["), "]")
	pattern, err := command.Parse("host <host:"+host+">", nil)
	if err != nil || strings.ContainsAny(host, "<>,") {
		return forwardRule{}, fmt.Errorf("%q is not the name or address of a host, in which * and ? may stand for other characters", host)
	}
	var port uint16
	if n, err := fmt.Sscanf(text[colon+1:], "%d", &port); err != nil || n != 1 || port == 0 || fmt.Sprint(port) != text[colon+1:] {
		return forwardRule{}, fmt.Errorf("%q is not a port", text[colon+1:])
	}
	return forwardRule{text, pattern, port}, nil
}

// admitsPath reports whether one of the rules takes the path, and what must be looked up first to say so.
func admitsPath(rules []pathRule, path string, view command.View) (ok bool, probes []Probe) {
	for _, rule := range rules {
		m := rule.pattern.Match([]string{"path", path}, view)
		if !m.Matched {
			continue
		}
		missing := matchProbes(m)
		if len(missing) == 0 {
			return true, nil
		}
		ok, probes = true, append(probes, missing...)
	}
	return ok, probes
}

// matchProbes is what must be looked up before a match is one.
func matchProbes(m command.Result) []Probe {
	var probes []Probe
	for _, path := range m.Paths {
		probes = append(probes, Probe{Kind: ProbePath, Name: path})
	}
	if m.NeedsDir {
		probes = append(probes, Probe{Kind: ProbeHome})
	}
	return probes
}

// Direction says whether a file is read from the target or written to it.
type Direction string

// The directions.
const (
	FileRead  Direction = "read"
	FileWrite Direction = "write"
)

// DecideFile says whether an identity may read or write that absolute path on a target: by text if the facts do not have the path,
// then Probes ask for it. Nothing is inherited from a command's permission.
func (p *Policy) DecideFile(r Request, direction Direction, path string) Decision {
	roles, no := p.applying(&r)
	if no != nil {
		return p.stamp(*no)
	}
	var rules []pathRule
	for _, role := range roles {
		if !role.denyOnly {
			rules = append(rules, role.files.of(direction)...)
		}
	}
	ok, unknown := admitsPath(rules, path, r.view(""))
	switch {
	case !ok || checkKnown("a path", path) != nil:
		d := deny(CodeFileNotAllowed, fmt.Sprintf("no role lets %s be %s", quoteCut(path), past(direction)))
		d.Nearest = nearestPaths(rules, path, r.home())
		return p.stamp(d)
	case len(unknown) > 0:
		return p.stamp(Decision{Verdict: Look, Probes: unique(unknown)})
	}
	return p.stamp(Decision{Verdict: Allow})
}

// DecideForward says whether an identity may reach host and port through a target.
func (p *Policy) DecideForward(r Request, host string, port uint16) Decision {
	roles, no := p.applying(&r)
	if no != nil {
		return p.stamp(*no)
	}
	for _, role := range roles {
		if !role.denyOnly && slices.ContainsFunc(role.forwards, func(f forwardRule) bool {
			return f.port == port && f.host.Match([]string{"host", host}, command.View{}).Matched
		}) {
			return p.stamp(Decision{Verdict: Allow, Rules: []string{role.name + "/forward"}})
		}
	}
	return p.stamp(deny(CodeNotAllowed, fmt.Sprintf("no role lets %s be reached through this target", quoteCut(fmt.Sprintf("%s:%d", host, port)))))
}

func past(d Direction) string {
	if d == FileRead {
		return "read"
	}
	return "written"
}
