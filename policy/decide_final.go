package policy

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"gatehouse/policy/program"
)

// finish makes a command what the target executes: its program, launchers and what it starts are found, and the fixed additions
// of well-known programs are there. It denies what may not run; what is not known yet is noted.
func (q *question) finish(l *leaf) *Decision {
	p := &l.final
	asked := p.Argv[0]
	hardened, env := q.additions(p.Argv)
	p.Argv = slices.Clone(hardened)
	p.Env = slices.Concat(p.Env, env)
	if fact, found := q.r.program(asked); found {
		p.Argv[0] = fact.Path
	}
	p.Wrap = slices.Clone(p.Wrap)
	for i, wrap := range p.Wrap {
		if q.r.PTY && baseName(wrap[0]) == "nohup" {
			return q.denyLeaf(l.index, CodePTYNotAllowed, "%s may run, but not by nohup on a pty, which would write nohup.out: leave out nohup or -t")
		}
		path, no := q.launcher(l, wrap[0])
		if no != nil {
			return no
		}
		p.Wrap[i] = append(Argv{path}, wrap[1:]...)
	}
	return q.finishStarts(l)
}

// additions are the fixed ones of a well-known program. By another name of its, such as pager for less, it has the variables alone.
func (q *question) additions(argv Argv) (hardened Argv, env []EnvVar) {
	named := program.Of(baseName(argv[0]))
	hardened, pairs := named.Harden(argv)
	if fact, found := q.r.program(argv[0]); found && !named.Known() {
		_, pairs = program.Of(baseName(fact.Real)).Harden(argv)
	}
	return hardened, envVars(pairs)
}

// launcher finds the program of a wrapper. No allow rule is about it: its options were understood, and what it starts is decided.
// That holds for the program which the target finds by that name, and for no other that is called so.
func (q *question) launcher(l *leaf, name string) (string, *Decision) {
	fact, why := q.meant(name, baseName(name), false)
	if why == "" {
		return fact.Path, nil
	}
	return name, l.notRun(name, why)
}

// finishStarts decides what a command starts itself, and has it search only where those programs were found.
func (q *question) finishStarts(l *leaf) *Decision {
	p := &l.final
	var dirs []string
	for _, argv := range p.Starts {
		picked, no := q.pick(l, argv, q.r.PTY)
		if no != nil {
			return no
		}
		if q.r.PTY && !picked.pty {
			return q.denyLeaf(l.index, CodePTYNotAllowed, "%s may run, but not on a pty, as the rule for what it starts has none: leave out -t")
		}
		hardened, env := q.additions(argv)
		if !slices.Equal(hardened, argv) {
			return l.notRun(argv[0], "it needs additions that it does not get when another program starts it: run it by itself")
		}
		for _, v := range env { // of many samples the same
			if !slices.Contains(p.Env, v) {
				p.Env = append(p.Env, v)
			}
		}
		if l.input != inputClient && l.input != inputNull && baseName(p.Argv[0]) != "xargs" && !picked.reads(StdinPipe, "") {
			return denyStart(l, argv[0])
		}
		l.started = append(l.started, picked)
		if !slices.ContainsFunc(q.starts, func(c chosen) bool { return c.rule == picked.rule }) {
			q.starts = append(q.starts, picked)
		}
		if fact, known := q.r.program(argv[0]); known && fact.Path != "" {
			dir := fact.Path[:strings.LastIndexByte(fact.Path, '/')]
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	if len(dirs) > 0 {
		p.Env = append(p.Env, EnvVar{Name: "PATH", Value: strings.Join(dirs, ":")})
	}
	return nil
}

func envVars(pairs [][2]string) []EnvVar {
	var env []EnvVar
	for _, pair := range pairs {
		env = append(env, EnvVar{Name: pair[0], Value: pair[1]})
	}
	return env
}

// finalPlan is the plan with every command as it will be executed. The client's input reaches one command at most: the first
// that may read it. Every other one of a line that would have it reads nothing, unless all have a terminal.
func (q *question) finalPlan() *Plan {
	if only := &q.leaves[0].final; q.r.Plan.Op == OpRun && only.Dir == "" && len(only.Redirs) == 0 {
		only.Redirs, only.Null = nil, q.leaves[0].none // nobody else would have the input
		return only
	}
	reader := q.reader()
	plan := rebuild(q.r.Plan, q.r.home(), func(i int, own Plan) Plan {
		p := q.leaves[i].final
		p.Dir, p.Redirs = own.Dir, own.Redirs
		p.Null = q.leaves[i].none || len(q.leaves) > 1 && !q.r.PTY && q.leaves[i].input == inputClient && i != reader
		return p
	})
	return &plan
}

// reader is the index of the command that gets the client's input, -1 if none may.
func (q *question) reader() int {
	for i := range q.leaves {
		if l := &q.leaves[i]; l.input == inputClient && l.chosen.readsClient() && len(l.plan.Starts) == 0 {
			return i
		}
	}
	return -1
}

// denyStart denies because of what a command would start with its own input: find hands it on, xargs does not.
func denyStart(l *leaf, name string) *Decision {
	return denyWord(l.index, name, CodeStdinNotAllowed, "the rule for "+quoteCut(name)+" takes no input, and it would have that of the command that starts it")
}

// clientStdin is the class of the client's input.
func (q *question) clientStdin() StdinClass {
	i := q.reader()
	if i < 0 {
		return StdinNone
	}
	classes := q.leaves[i].chosen.stdin
	if slices.Contains(classes, StdinData) {
		return StdinData
	}
	var sums []string
	for _, class := range classes {
		if class.client() {
			sums = append(sums, strings.TrimPrefix(string(class), "sha256:"))
		}
	}
	return StdinClass("sha256:" + strings.Join(sums, ","))
}

// deniedInput reports a command that gets other input than its rule takes.
func (q *question) deniedInput() *Decision {
	for i := range q.leaves {
		l := &q.leaves[i]
		c := l.chosen
		if l.input == inputPipe && q.inherits() && !c.reads(StdinPipe, "") {
			l.input, l.none = inputNull, true
		}
		switch l.input {
		case inputClient, inputNull:
		case inputData:
			if !c.reads(StdinPipe, "") && !c.reads(StdinData, l.sum) {
				return q.denyInput(i, "the rule for %s does not take this here-document as its input", StdinData, l.sum)
			}
		default:
			if !c.reads(StdinPipe, "") {
				return q.denyInput(i, "the rule for %s takes no input: it cannot stand behind a pipe or have a file redirected to it", StdinPipe, "")
			}
		}
	}
	return nil
}

// denyInput denies because of one command's input, with the rules for its program that would take it.
func (q *question) denyInput(i int, format string, sort StdinClass, sum string) *Decision {
	d := q.denyLeaf(i, CodeStdinNotAllowed, format)
	d.Nearest = q.others(i, func(rl *rule) bool { return rl.reads(StdinPipe, "") || rl.reads(sort, sum) })
	return d
}

// deniedDir reports a command in a working directory that is not listed, and notes those whose place is not known yet.
func (q *question) deniedDir() *Decision {
	for i := range q.leaves {
		l := &q.leaves[i]
		home := l.dir == "" || l.dir == "~"
		for _, c := range append([]chosen{l.chosen}, l.started...) { // what a command starts runs where it does
			if home && (len(c.dirs) == 0 || goesElsewhere(l.plan.Argv)) {
				continue
			}
			dir, ok := absolute(cmp.Or(l.dir, "~"), q.r.home())
			if !ok {
				q.need(Probe{Kind: ProbeHome})
				continue
			}
			if d := q.deniedPlace(i, c, dir); d != nil {
				return d
			}
		}
	}
	return nil
}

// goesElsewhere reports a command that leaves its directory first, to one that its pattern admits: git -C DIR.
func goesElsewhere(argv Argv) bool {
	switch path.Base(argv[0]) {
	case "git", "make", "tar":
		return len(argv) > 2 && argv[1] == "-C"
	}
	return false
}

// deniedPlace reports a directory in which what a rule is about may not run.
func (q *question) deniedPlace(i int, c chosen, dir string) *Decision {
	rules := c.dirs
	if len(rules) == 0 {
		rules = q.listed(func(r *role) []pathRule { return r.dirs })
	}
	admitted, unknown := admitsPath(rules, dir, q.r.view(""))
	if !admitted && (len(c.dirs) > 0 || dir != q.r.home()) {
		d := denyWord(i, q.leaves[i].plan.Argv[0], CodeDirNotAllowed, "no role lets "+quoteCut(c.pattern.Program())+" run in "+quoteCut(dir)+"; it must be in dirs")
		d.Nearest = nearestPaths(rules, dir, q.r.home())
		return d
	}
	q.need(unknown...)
	return nil
}

// listed joins what the roles list of one sort of paths.
func (q *question) listed(of func(*role) []pathRule) []pathRule {
	var rules []pathRule
	for _, a := range q.roles {
		if !a.denyOnly {
			rules = append(rules, of(a.role)...)
		}
	}
	return rules
}

// deniedFile reports a redirection to or from a path that no role lists, and notes those whose place is not known yet.
func (q *question) deniedFile() *Decision {
	for i := range q.leaves {
		for _, r := range q.leaves[i].redirs {
			if r.Path == "" || r.Path == devNull {
				continue
			}
			direction := FileWrite
			if r.Op == RedirIn {
				direction = FileRead
			}
			listed := q.listed(func(role *role) []pathRule { return paths(unbounded(role.files), direction) })
			path, ok := absolute(joinDir(r.dir, r.Path), q.r.home())
			if !ok && len(listed) > 0 {
				q.need(Probe{Kind: ProbeHome})
				continue
			}
			admitted, unknown := admitsPath(listed, path, q.r.view(""))
			if !admitted {
				d := denyWord(i, r.Path, CodeFileNotAllowed, "no role lets "+quoteCut(r.Path)+" be "+past(direction)+"; it must be in files")
				d.Nearest = nearestPaths(listed, path, q.r.home())
				return d
			}
			q.need(unknown...)
			if met, homeless := deniedPath(q.roles, q.r, path); met != nil {
				d := met.decision(quoteCut(r.Path))
				d.Failed = &Failed{Command: i, Token: cut(r.Path)}
				return &d
			} else if homeless {
				q.need(Probe{Kind: ProbeHome})
			}
		}
	}
	return nil
}
