package policy

import (
	"path"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// pathRule is a path by glob, as files, dirs and redirections have it.
type pathRule struct {
	text    string
	pattern *command.Pattern // of one word
	glob    command.PathGlob
}

// fileRules are the paths that a role's commands and transfers may read and write. A role that includes others has theirs beside
// its own; each is about its own paths and carriers only.
type fileRules struct {
	role        string // in which it stands
	read, write []pathRule
	deny        []fileDeny
	by          []Carrier
	maxFile     int64 // 0: no bound
	hold        *Hold
}

// fileDeny is a path that stays closed whatever else is open.
type fileDeny struct {
	pathRule
	role, reason string
}

func (s fileRules) of(direction Direction) []pathRule {
	if direction == FileRead {
		return s.read
	}
	return s.write
}

// Direction says whether a file is read from the target or written to it.
type Direction string

// The directions.
const (
	FileRead  Direction = "read"
	FileWrite Direction = "write"
)

func past(d Direction) string {
	if d == FileRead {
		return "read"
	}
	return "written"
}

// onePath makes a pattern of one word that is a path.
func onePath(glob string) (*command.Pattern, error) {
	return command.Parse("path <path:"+glob+">", nil)
}

// readPaths reads a list of path globs.
func readPaths(v value) []pathRule {
	var list []pathRule
	for _, item := range v.list() {
		if rule, ok := readPath(item); ok {
			list = append(list, rule)
		}
	}
	return list
}

func readPath(v value) (pathRule, bool) {
	text, ok := v.text()
	if !ok {
		return pathRule{}, false
	}
	pattern, err := onePath(text)
	if err == nil && !strings.ContainsAny(text, "<>,") && (text[0] == '/' || text[0] == '~') {
		if glob, err := command.ParsePathGlob(text); err == nil {
			return pathRule{text, pattern, glob}, true
		}
	}
	v.problem("%q cannot be %s: write an absolute path, or one below the login's home as ~/…, in which * and ? stay between slashes and ** is everything below", text, v.what)
	return pathRule{}, false
}

// readFiles reads the files section of a role.
func readFiles(v value, role string) []fileRules {
	f := fileRules{role: role, by: []Carrier{SFTP, SCP}}
	v.fields(map[string]func(value){
		"read":     func(v value) { f.read = readPaths(v) },
		"write":    func(v value) { f.write = readPaths(v) },
		"deny":     func(v value) { f.deny = readFileDenies(v, role) },
		"by":       func(v value) { f.by = readCarriers(v) },
		"max_file": func(v value) { f.maxFile = v.bytes() },
		"hold":     func(v value) { f.hold = readHold(v) },
	})
	if (f.maxFile > 0 || f.hold != nil) && (slices.Contains(f.by, Rsync) || slices.Contains(f.by, Git)) {
		v.problem("%s has max_file or hold, which need the door to see each file: rsync and git belong into the files of another role, which this one includes", v.what)
	}
	return []fileRules{f}
}

// readFileDenies reads paths, or mappings with a path and the reason that the client is told.
func readFileDenies(v value, role string) []fileDeny {
	var list []fileDeny
	for _, item := range v.list() {
		d, ok := fileDeny{role: role}, false
		if !item.isMapping() {
			d.pathRule, ok = readPath(item)
		} else {
			item.fields(map[string]func(value){
				"path":   func(v value) { d.pathRule, ok = readPath(v) },
				"reason": func(v value) { d.reason, _ = v.checked(validReason, "a reason is one line of at most 200 bytes") },
			})
			if d.text == "" {
				item.problem("%s needs a path, as in {path: /etc/shadow, reason: \"passwords stay here\"}", item.what)
			}
		}
		if ok {
			list = append(list, d)
		}
	}
	return list
}

// readCarriers reads the protocols that may carry the files; an empty list means none.
func readCarriers(v value) []Carrier {
	known := make([]string, len(carriers))
	for i, c := range carriers {
		known[i] = string(c)
	}
	if v.isEmptyList() {
		return nil
	}
	var list []Carrier
	for _, item := range v.list() {
		if text, ok := item.word(known...); ok {
			list = append(list, Carrier(text))
		}
	}
	return list
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

// deniedPath is the first deny, by its text, that a path meets by what was asked or by where it leads. homeless is true if that
// cannot be said before the login's home is known.
func deniedPath(roles []applied, r *Request, asked string) (met *fileDeny, homeless bool) {
	names := []string{path.Clean(asked)}
	if real, known := r.real(asked); known {
		names = append(names, real)
	}
	return deniedName(roles, r.home(), func(d *fileDeny) bool {
		return slices.ContainsFunc(names, func(name string) bool { return d.glob.Matches(r.home(), name) })
	})
}

// deniedName is the first deny, by its text, that is met. A role of which nobody can say whether it applies denies too.
func deniedName(roles []applied, home string, meets func(*fileDeny) bool) (met *fileDeny, homeless bool) {
	for _, role := range roles {
		for _, files := range role.files {
			for i := range files.deny {
				d := &files.deny[i]
				homeless = homeless || d.glob.InHome() && (!strings.HasPrefix(home, "/") || path.Clean(home) != home)
				if (met == nil || d.text < met.text) && meets(d) {
					met = d
				}
			}
		}
	}
	return met, homeless && met == nil
}

// decision is the denial.
func (d *fileDeny) decision(shown string) Decision {
	reason := d.reason
	if reason == "" {
		reason = "the files of the role " + d.role + " deny " + shown
	}
	no := deny(CodeDeniedByRule, reason)
	no.Rules = []string{d.role + "/files"}
	return no
}

// unbounded are the sections that redirections may use: what these carry goes by the door unseen, which keeps no max_file and no hold there.
func unbounded(sections []fileRules) []fileRules {
	return slices.DeleteFunc(slices.Clone(sections), func(f fileRules) bool { return f.maxFile > 0 || f.hold != nil })
}

// paths joins the paths of one direction that the sections list.
func paths(sections []fileRules, direction Direction) []pathRule {
	var list []pathRule
	for _, f := range sections {
		list = append(list, f.of(direction)...)
	}
	return list
}
