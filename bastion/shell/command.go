package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// maxWords bounds what the braces of a command make; policy.Plan.Validate has the bound of a line.
const maxWords = 4096

// call converts a simple command.
func (r *reader) call(s *syntax.Stmt, c *syntax.CallExpr, p place) (policy.Plan, error) {
	if name := r.changeOf(s); name != "" {
		if _, err := r.change(s, p); err != nil {
			return policy.Plan{}, err
		}
		return policy.Plan{}, refuse(s, name, r.alone(name, p))
	}
	env, err := r.assignments(c.Assigns)
	if err != nil {
		return policy.Plan{}, err
	}
	words, err := r.words(c.Args)
	if err != nil {
		return policy.Plan{}, err
	}
	redirs, err := r.redirs(s.Redirs)
	switch {
	case err != nil:
		return policy.Plan{}, err
	case len(words) == 0 && len(env) > 0:
		return policy.Plan{}, refuse(s, "assignment", "a variable is set for one command only: NAME=VALUE COMMAND")
	case len(words) == 0:
		return policy.Plan{}, refuse(s, "redirection", "there is no command")
	}
	plan, err := r.command(words, p, false)
	if err != nil {
		return policy.Plan{}, err
	}
	return redirected(withEnv(plan, env), redirs), nil
}

// alone says what is wrong with a cd or umask that nothing depends on.
func (r *reader) alone(name string, p place) string {
	if p.more && name == "cd" {
		return "what follows would run even if it failed: write cd DIR && COMMAND, or begin with set -e"
	}
	return "alone it changes nothing: write " + name + " … && COMMAND"
}

// words converts the words of a command.
func (r *reader) words(args []*syntax.Word) ([]word, error) {
	var words []word
	for i, arg := range args {
		t, err := r.word(arg.Pos(), arg.End())
		if err != nil {
			return nil, err
		}
		some, err := r.expand(t)
		if err != nil {
			return nil, err
		}
		if i == 0 && (len(some) != 1 || !some[0].literal()) {
			return nil, refuse(arg, "command's name", "it is written in full, without patterns, braces and ~")
		}
		if words = append(words, some...); len(words) > maxWords {
			return nil, refuse(arg, "long line", "a line has at most 4096 words")
		}
	}
	return words, nil
}

// assignments converts the variables before a command.
func (r *reader) assignments(assigns []*syntax.Assign) ([]policy.EnvVar, error) {
	var env []policy.EnvVar
	for _, a := range assigns {
		if a.Append || a.Naked || a.Index != nil || a.Array != nil {
			return nil, refuse(a, "assignment", "only NAME=VALUE is accepted")
		}
		at := int(a.Name.Pos().Offset())
		t := r.found.words[at]
		end := int(a.Name.End().Offset()) + 1
		if a.Value != nil {
			end = int(a.Value.End().Offset())
		}
		if t == nil || t.end != end || len(t.chars) <= len(a.Name.Value) {
			return nil, disagree(at)
		}
		delete(r.found.words, at)
		w, err := r.literalWord(t.chars[len(a.Name.Value)+1:], "a variable's value")
		if err != nil {
			return nil, err
		}
		if strings.Contains(w.text, "~") && hasTilde(t.chars) {
			return nil, refuse(a, "tilde expansion", "write the path in full, or quote the ~")
		}
		env = append(env, policy.EnvVar{Name: a.Name.Value, Value: w.text})
	}
	return env, nil
}

func hasTilde(chars []char) bool {
	return slices.ContainsFunc(chars, func(c char) bool { return c.is("~") })
}

// command converts words to a command, by way of what stands before it. exact says that they are no shell's words, so that
// none is a builtin.
func (r *reader) command(words []word, p place, exact bool) (policy.Plan, error) {
	var env []policy.EnvVar
	var wraps []policy.Argv
	program := exact // whether the next word names a program, whatever shells have of that name
	for {
		name := words[0]
		if !exact {
			rest, err := r.prefix(words, p, program)
			if err != nil {
				return policy.Plan{}, err
			}
			if rest != nil {
				program = program || name.text == "exec"
				words = rest
				continue
			}
		}
		program = true
		if advice, refused := refusedLaunchers[path.Base(name.text)]; refused {
			return policy.Plan{}, name.refuse("launcher ("+path.Base(name.text)+")", advice)
		}
		if path.Base(name.text) == "env" && len(words) > 1 {
			set, rest, err := envWords(words)
			if err != nil {
				return policy.Plan{}, err
			}
			env, words = append(env, set...), rest
			continue
		}
		own, known, err := policy.Launcher(texts(words))
		if err != nil {
			return policy.Plan{}, name.refuse("launcher ("+path.Base(name.text)+")", err.Error())
		}
		if !known {
			break
		}
		rest, err := launched(words, own)
		if err != nil {
			return policy.Plan{}, err
		}
		wraps, words = append(wraps, texts(words[:own])), rest
	}
	plan, err := r.program(words)
	if err != nil {
		return policy.Plan{}, err
	}
	return r.wrapped(plan, env, wraps, words[0])
}

// prefix reads exec or command and returns the words behind; it refuses builtins, and returns nil for everything else.
func (r *reader) prefix(words []word, p place, program bool) ([]word, error) {
	name := words[0]
	switch {
	case strings.HasPrefix(name.text, "%"):
		return nil, name.refuse("job", "there are no jobs: name a program")
	case slices.Contains(builtins, name.text):
		return nil, name.refuse("shell builtin ("+name.text+")", builtinAdvice(name.text))
	case name.text != "exec" && name.text != "command":
		return nil, nil
	case program:
		return nil, name.refuse("shell builtin ("+name.text+")", "here it would be a program, and there is none of that name: leave it out")
	case name.text == "exec" && !p.tail:
		return nil, name.refuse("exec", "nothing after it would run: leave it out")
	}
	if len(words) == 1 || strings.HasPrefix(words[1].text, "-") || !words[1].literal() {
		return nil, name.refuse("shell builtin ("+name.text+")", "it is followed by a command, without options; to look a program up use which")
	}
	return words[1:], nil
}

// builtins are commands of shells that are no programs, or other ones.
var builtins = []string{
	".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "compgen", "complete", "compopt", "continue", "declare", "dirs", "disown", "enable",
	"eval", "exit", "export", "fc", "fg", "getopts", "hash", "history", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readarray",
	"readonly", "return", "set", "shift", "shopt", "source", "suspend", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait",
}

func builtinAdvice(name string) string {
	switch name {
	case ":":
		return "write true"
	case "set":
		return "only set -e, -u and -o pipefail at the beginning of a line are accepted"
	case "export":
		return "a variable is set for one command only: NAME=VALUE COMMAND"
	case "type":
		return "use which"
	case "cd", "umask":
		return "it stands at the beginning of a list: " + name + " … && COMMAND"
	}
	return "it acts on a shell, and there is none"
}

// refusedLaunchers are programs that start others in a way that a plan does not show, with what to do instead.
var refusedLaunchers = map[string]string{
	"sudo": "the login is named by policy: connect as that login", "su": "the login is named by policy: connect as that login",
	"doas": "the login is named by policy: connect as that login", "runuser": "the login is named by policy: connect as that login",
	"setsid":  "a command cannot be left running",
	"busybox": "name the program itself", "watch": "run the command again instead", "script": "sessions are recorded anyhow",
	"flock": "it starts what is not decided", "chroot": "it starts what is not decided", "unshare": "it starts what is not decided",
	"nsenter": "it starts what is not decided", "setpriv": "it starts what is not decided", "parallel": "use xargs",
}

// envWords reads env [NAME=VALUE]… COMMAND.
func envWords(words []word) (env []policy.EnvVar, rest []word, err error) {
	rest = words[1:]
	for len(rest) > 0 {
		w := rest[0]
		if strings.HasPrefix(w.text, "-") {
			return nil, nil, w.refuse("launcher (env)", "its option "+w.text+" is not understood: only NAME=VALUE COMMAND is")
		}
		name, value, ok := strings.Cut(w.text, "=")
		if !ok {
			break
		}
		if !w.literal() {
			return nil, nil, w.refuse("launcher (env)", "a variable's value is literal")
		}
		env, rest = append(env, policy.EnvVar{Name: name, Value: value}), rest[1:]
	}
	if len(rest) == 0 || !rest[0].literal() {
		return nil, nil, words[0].refuse("launcher (env)", "it is followed by a command's name")
	}
	return env, rest, nil
}

// launched returns the words behind a launcher's own.
func launched(words []word, own int) ([]word, error) {
	for _, w := range words[:own] {
		if !w.literal() {
			return nil, w.refuse("launcher ("+words[0].text+")", "its own words are literal")
		}
	}
	if own == len(words) || !words[own].literal() {
		return nil, words[0].refuse("launcher ("+words[0].text+")", "it is followed by a command's name")
	}
	return words[own:], nil
}

// program converts words whose first names a program: a shell with a text is that text, everything else a leaf.
func (r *reader) program(words []word) (policy.Plan, error) {
	if slices.Contains(shells, words[0].text) {
		plan, ok, err := r.shellText(words)
		if ok || err != nil {
			return plan, err
		}
	}
	argv := texts(words)
	starts, err := policy.Starts(argv)
	if err != nil {
		return policy.Plan{}, words[0].refuse("starter ("+path.Base(argv[0])+")", err.Error())
	}
	plan := policy.Plan{
		Op: policy.OpRun, Argv: argv, Starts: starts,
		Globs: indexes(words, func(w word) bool { return w.glob }), Tildes: indexes(words, func(w word) bool { return w.tilde }),
	}
	if len(starts) > 0 && len(plan.Globs)+len(plan.Tildes) > 0 {
		return policy.Plan{}, words[0].refuse("starter ("+path.Base(argv[0])+")", "what it starts is decided word by word: write paths in full, without patterns and ~")
	}
	return plan, nil
}

// wrapped puts variables and launchers before a plan. A group has no launcher.
func (r *reader) wrapped(plan policy.Plan, env []policy.EnvVar, wraps []policy.Argv, at word) (policy.Plan, error) {
	if len(wraps) == 0 {
		return withEnv(plan, env), nil
	}
	if plan.Op != policy.OpRun || plan.Dir != "" || plan.Umask != "" || len(plan.Redirs) > 0 || plan.Not {
		return policy.Plan{}, at.refuse("launcher (shell)", "it would start more than one command: put the launcher before each command inside")
	}
	plan.Wrap = append(wraps, plan.Wrap...)
	return withEnv(plan, env), nil
}

// withEnv sets variables for every command of a plan; those that are nearer to a command come later and hold.
func withEnv(plan policy.Plan, env []policy.EnvVar) policy.Plan {
	if len(env) == 0 {
		return plan
	}
	if plan.Op == policy.OpRun {
		plan.Env = slices.Concat(env, plan.Env)
		return plan
	}
	parts := make([]policy.Plan, len(plan.Parts))
	for i, part := range plan.Parts {
		parts[i] = withEnv(part, env)
	}
	plan.Parts = parts
	return plan
}
