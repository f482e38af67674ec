package policy

import (
	"slices"
	"strings"

	"gatehouse/policy/program"
)

// finish makes a command what the target executes: its program, launchers and what it starts are found, and the fixed additions
// of well-known programs are there. It denies what may not run; what is not known yet is noted.
func (q *question) finish(l leaf, p Plan) (Plan, *Decision) {
	asked := p.Argv[0]
	fact, found := q.r.program(asked)
	named := program.Of(baseName(asked))
	hardened, env := named.Harden(p.Argv)
	if found && !named.Known() { // another name of a program that the table has, such as pager for less
		_, env = program.Of(baseName(fact.Real)).Harden(p.Argv)
	}
	p.Argv = slices.Clone(hardened)
	p.Env = slices.Clone(p.Env)
	p.Env = append(p.Env, envVars(env)...)
	if found {
		p.Argv[0] = fact.Path
	}
	p.Wrap = slices.Clone(p.Wrap)
	for i, wrap := range p.Wrap {
		if q.r.PTY && baseName(wrap[0]) == "nohup" {
			d := q.denyLeaf(l.index, CodePTYNotAllowed, "%s may run, but not by nohup on a pty, which would write nohup.out: leave out nohup or -t")
			return p, &d
		}
		path, no := q.launcher(l, wrap[0])
		if no != nil {
			return p, no
		}
		p.Wrap[i] = append(Argv{path}, wrap[1:]...)
	}
	return q.finishStarts(l, p)
}

// launcher finds the program of a wrapper. No allow rule is about it: its options were understood, and what it starts is decided.
// That holds for the program which the target finds by that name, and for no other that is called so.
func (q *question) launcher(l leaf, name string) (string, *Decision) {
	fact, why := q.meant(name, baseName(name), false)
	if why == "" {
		return fact.Path, nil
	}
	d := q.denyProgram(l, name, why)
	return name, &d
}

// finishStarts decides what a command starts itself, and has it search only where those programs were found.
func (q *question) finishStarts(l leaf, p Plan) (Plan, *Decision) {
	var dirs []string
	for _, argv := range p.Starts {
		picked, no := q.pick(l, argv, q.r.PTY)
		if no != nil {
			return p, no
		}
		if q.r.PTY && !picked.pty {
			d := q.denyLeaf(l.index, CodePTYNotAllowed, "%s may run, but not on a pty, as the rule for what it starts has none: leave out -t")
			return p, &d
		}
		hardened, env := program.Of(baseName(argv[0])).Harden(argv)
		if !slices.Equal(hardened, argv) {
			d := q.denyProgram(l, argv[0], "it needs additions that it does not get when another program starts it: run it by itself")
			return p, &d
		}
		p.Env = append(p.Env, envVars(env)...)
		if l.input != inputClient && l.input != inputNull && baseName(p.Argv[0]) != "xargs" && !picked.reads(StdinPipe, "") {
			d := q.denyStart(l, argv[0])
			return p, &d
		}
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
	return p, nil
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
func (q *question) finalPlan() (Plan, error) {
	reader := q.reader()
	plan := rebuild(q.r.Plan, q.r.home(), func(i int, p Plan) Plan {
		own := p
		p = q.final[i]
		p.Dir, p.Redirs = own.Dir, own.Redirs
		p.Null = len(q.leaves) > 1 && !q.r.PTY && q.leaves[i].input == inputClient && i != reader
		return p
	})
	return plan, plan.ValidateFinal()
}

// reader is the index of the command that gets the client's input, -1 if none may.
func (q *question) reader() int {
	for i, l := range q.leaves {
		if l.input == inputClient && len(q.chosen[i].clientStdin()) > 0 && len(l.plan.Starts) == 0 {
			return i
		}
	}
	return -1
}

// denyStart denies because of what a command would start with its own input: find hands it on, xargs does not.
func (q *question) denyStart(l leaf, name string) Decision {
	d := deny(CodeStdinNotAllowed, "the rule for "+quoteCut(name)+" takes no input, and it would have that of the command that starts it")
	d.Failed = &Failed{Command: l.index, Token: cut(name)}
	return d
}

// clientStdin is the class of the client's input.
func (q *question) clientStdin() StdinClass {
	i := q.reader()
	if i < 0 {
		return StdinNone
	}
	classes := q.chosen[i].clientStdin()
	if slices.Contains(classes, StdinData) {
		return StdinData
	}
	var sums []string
	for _, class := range classes {
		sums = append(sums, strings.TrimPrefix(string(class), "sha256:"))
	}
	return StdinClass("sha256:" + strings.Join(sums, ","))
}

// deniedInput reports a command that gets other input than its rule takes.
func (q *question) deniedInput() (Decision, bool) {
	for i, l := range q.leaves {
		c := q.chosen[i]
		switch l.input {
		case inputClient, inputNull:
		case inputData:
			if !c.reads(StdinPipe, "") && !c.reads(StdinData, l.sum) {
				return q.denyInput(i, "the rule for %s does not take this here-document as its input", StdinData, l.sum), true
			}
		default:
			if !c.reads(StdinPipe, "") {
				return q.denyInput(i, "the rule for %s takes no input: it cannot stand behind a pipe or have a file redirected to it", StdinPipe, ""), true
			}
		}
	}
	return Decision{}, false
}

// denyInput denies because of one command's input, with the rules for its program that would take it.
func (q *question) denyInput(i int, format string, sort StdinClass, sum string) Decision {
	d := q.denyLeaf(i, CodeStdinNotAllowed, format)
	d.Nearest = q.others(i, func(rl *rule) bool { return rl.reads(StdinPipe, "") || rl.reads(sort, sum) })
	return d
}

// deniedDir reports a command in a working directory that is not listed, and notes those whose place is not known yet.
func (q *question) deniedDir() (Decision, bool) {
	var listed []pathRule
	for _, role := range q.roles {
		if !role.denyOnly {
			listed = append(listed, role.dirs...)
		}
	}
	for i, l := range q.leaves {
		if l.dir == "" || l.dir == "~" {
			continue
		}
		dir, ok := absolute(l.dir, q.r.home())
		if !ok {
			q.need(Probe{Kind: ProbeHome})
			continue
		}
		rules := listed
		if len(q.chosen[i].dirs) > 0 {
			rules = q.chosen[i].dirs
		}
		admitted, unknown := admitsPath(rules, dir, q.r.view(""))
		if !admitted && dir != q.r.home() {
			d := deny(CodeDirNotAllowed, "no role lets commands run in "+quoteCut(dir)+"; it must be in dirs")
			d.Failed = &Failed{Command: i, Token: cut(l.plan.Argv[0])}
			d.Nearest = nearestPaths(rules, dir, q.r.home())
			return d, true
		}
		q.need(unknown...)
	}
	return Decision{}, false
}

// deniedFile reports a redirection to or from a path that no role lists, and notes those whose place is not known yet.
func (q *question) deniedFile() (Decision, bool) {
	var rules fileRules
	for _, role := range q.roles {
		if !role.denyOnly {
			rules.read = append(rules.read, role.files.read...)
			rules.write = append(rules.write, role.files.write...)
		}
	}
	for i, l := range q.leaves {
		for _, r := range l.redirs {
			if r.Path == "" || r.Path == devNull {
				continue
			}
			direction, listed := FileWrite, rules.write
			if r.Op == RedirIn {
				direction, listed = FileRead, rules.read
			}
			path, ok := absolute(joinDir(r.dir, r.Path), q.r.home())
			if !ok && len(listed) > 0 {
				q.need(Probe{Kind: ProbeHome})
				continue
			}
			admitted, unknown := admitsPath(listed, path, q.r.view(""))
			if !admitted {
				d := deny(CodeFileNotAllowed, "no role lets "+quoteCut(r.Path)+" be "+past(direction)+"; it must be in files")
				d.Failed = &Failed{Command: i, Token: cut(r.Path)}
				d.Nearest = nearestPaths(listed, path, q.r.home())
				return d, true
			}
			q.need(unknown...)
		}
	}
	return Decision{}, false
}
