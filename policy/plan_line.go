package policy

import "strings"

// launcher finds a program on the PATH and becomes it, with argv as given. It has a "/", so every shell takes it for a file.
const launcher = "/usr/bin/env"

// Line renders the plan for the login's shell on the target: sshd gives it to $SHELL -c. The environment comes first, as
// exports; its names must be valid (Policy.Decide admits no others). Every word is quoted by us, and no builtin, function
// or alias of the shell takes a command's place. What arrives is each argv byte for byte.
//
// One command with nothing around it is an exec. Everything else is an exec of /bin/sh with a script of ours, so that the
// login's shell need not know how pipes and groups are written. Both are right in bash, dash, zsh and fish, not in csh. A
// shell whose start-up files redefine exec or export is not held by it.
//
// A plan that is not final yet is rendered as it stands: a name without "/" is started by /usr/bin/env, globs and ~ are
// quoted like any other words.
func (p Plan) Line(env []EnvVar) string {
	if p.Op == OpGoverned {
		return "" // no target is given it
	}
	var b strings.Builder
	for _, v := range env {
		b.WriteString("export " + v.Name + "=" + quote(v.Value) + "; ")
	}
	switch {
	case p.Op == OpShell && p.Text == "":
		b.WriteString(`exec "$SHELL" -l`)
	case p.Op == OpShell:
		b.WriteString(p.Text)
	case p.Alone():
		b.WriteString(execText(p, quote))
		if p.Null {
			b.WriteString(" <" + devNull)
		}
	default:
		b.WriteString("exec /bin/sh -c " + quote(scriptWhole(p)))
	}
	return b.String()
}

// Alone reports whether the plan is one command with nothing around it but its input, so that its argv is all of it.
func (p Plan) Alone() bool {
	return p.Op == OpRun && p.Dir == "" && p.Umask == "" && len(p.Redirs)+len(p.Env)+len(p.Wrap) == 0 && !p.Not
}

// execText becomes the command, by way of its launchers.
func execText(p Plan, quote func(string) string) string {
	var b strings.Builder
	b.WriteString("exec")
	words := p.Argv
	for i := len(p.Wrap) - 1; i >= 0; i-- {
		words = append(p.Wrap[i][:len(p.Wrap[i]):len(p.Wrap[i])], words...)
	}
	if len(words) > 0 && !strings.Contains(words[0], "/") {
		b.WriteString(" " + launcher)
	}
	for _, word := range words {
		b.WriteString(" " + quote(word))
	}
	return b.String()
}

// quote writes a word that bash, dash, zsh and fish read alike: single quotes around everything but ' and \, which fish
// reads in its own way there and stand in double quotes.
func quote(word string) string {
	if word == "" {
		return "''"
	}
	var b strings.Builder
	for word != "" {
		plain := strings.IndexAny(word, `'\`)
		if plain < 0 {
			plain = len(word)
		}
		if plain > 0 {
			b.WriteString("'" + word[:plain] + "'")
		}
		word = word[plain:]
		hard := len(word) - len(strings.TrimLeft(word, `'\`))
		if hard > 0 {
			b.WriteString(`"` + strings.ReplaceAll(word[:hard], `\`, `\\`) + `"`)
		}
		word = word[hard:]
	}
	return b.String()
}
