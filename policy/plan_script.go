package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// script renders a plan in plain POSIX sh. Each command runs in a subshell of its own that it replaces; what a node has
// around it is done in a subshell before its parts. A directory or a redirection that fails ends that with status 1, as in
// bash: the special builtin exec would end dash with 2, which command prevents.
func script(p Plan) string {
	body := scriptBody(p)
	if p.Not {
		return "! ( " + body + " )"
	}
	return body
}

// scriptBody is script without the negation.
func scriptBody(p Plan) string {
	core := scriptCore(p)
	if p.Op != OpRun && p.Dir == "" && p.Umask == "" && len(p.Redirs) == 0 {
		return core
	}
	return "( " + scriptAround(p, core) + " )"
}

// scriptWhole is the script of a plan that nothing stands beside. One command needs no subshell: the shell becomes the command, so that none
// waits for it which Ctrl-C would end with a status of its own, where the command goes on.
func scriptWhole(p Plan) string {
	if p.Op == OpRun && !p.Not {
		return scriptAround(p, scriptCore(p))
	}
	return script(p)
}

// scriptAround is what a node has around it, and its core.
func scriptAround(p Plan, core string) string {
	var b strings.Builder
	if p.Dir != "" {
		b.WriteString("cd " + scriptWord(p.Dir) + " || exit 1; ")
	}
	if p.Umask != "" {
		b.WriteString("umask " + p.Umask + "; ")
	}
	redirs := p.Redirs
	if p.Null {
		redirs = append([]Redir{{Op: RedirIn, Path: devNull}}, redirs...)
	}
	b.WriteString(redirected(redirs, core))
	return b.String()
}

// redirected puts the redirections, in order, before a command. A here-document is printed into a pipe, which carries any
// text and needs no delimiter.
func redirected(redirs []Redir, core string) string {
	if len(redirs) == 0 {
		return core
	}
	var b strings.Builder
	for i, r := range redirs {
		if r.Op == RedirData {
			if i > 0 {
				b.WriteString(" || exit 1; ")
			}
			b.WriteString("printf %s " + scriptWord(r.Data) + " 2>" + devNull + " | ( " + redirected(redirs[i+1:], core) + " )")
			return b.String()
		}
		if i == 0 {
			b.WriteString("command exec")
		}
		b.WriteString(" " + redirText(r))
	}
	b.WriteString(" || exit 1; " + core)
	return b.String()
}

func redirText(r Redir) string {
	switch r.Op {
	case RedirIn:
		return "<" + scriptWord(r.Path)
	case RedirDup:
		return fmt.Sprintf("%d>&%d", r.FD, r.To)
	}
	return fmt.Sprintf("%d%s%s", r.FD, r.Op, scriptWord(r.Path))
}

// scriptCore is a node without what it has around it.
func scriptCore(p Plan) string {
	switch {
	case p.Op == OpRun:
		var b strings.Builder
		for _, v := range p.Env {
			b.WriteString("export " + v.Name + "=" + scriptWord(v.Value) + "; ")
		}
		return b.String() + execText(p, scriptWord)
	case p.Op == OpPipe && p.Pipefail:
		return pipefail(p.Parts)
	}
	parts := make([]string, len(p.Parts))
	for i, part := range p.Parts {
		parts[i] = script(part)
		if part.Op != OpRun && !bindsInside(p.Op, part, i == 0) || part.Not && p.Op == OpPipe {
			parts[i] = "( " + parts[i] + " )"
		}
	}
	return strings.Join(parts, joint(p.Op))
}

// scriptWord quotes a word where it must be: the script as a whole is quoted once more, which makes quotes long.
func scriptWord(word string) string {
	if plainWord(word) {
		return word
	}
	return quote(word)
}

// joint is what stands between two parts.
func joint(op Op) string {
	if op == OpSeq {
		return "; "
	}
	return " " + string(op) + " "
}

// bindsInside reports whether a part needs no parentheses for its operator's sake: | binds before && and ||, which bind
// alike and from the left, and ; binds last.
func bindsInside(outer Op, part Plan, first bool) bool {
	inner := part.Op
	if inner == OpRun {
		return true
	}
	switch outer {
	case OpSeq:
		return inner != OpSeq
	case OpAnd, OpOr:
		return inner == OpPipe || first && inner != OpSeq
	}
	return false
}

// pipefail renders a pipeline whose status is that of its last part that failed. The parts tell their statuses on
// descriptor 3, which the commands do not get; 4 is the output of the whole.
func pipefail(parts []Plan) string {
	var b strings.Builder
	b.WriteString("( { s=$( { ")
	numbers := ""
	for i, part := range parts {
		n := strconv.Itoa(i + 1)
		numbers += " " + n
		out := ""
		if i == len(parts)-1 {
			out = ">&4 "
		}
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString("{ ( " + script(part) + " ) " + out + "3>&- 4>&-; printf '" + n + ":%s;' \"$?\" >&3; }")
	}
	b.WriteString("; } 3>&1 ); } 4>&1; r=0; for n in" + numbers + `; do t=";$s"; t=${t#*";$n:"}; t=${t%%;*}; [ "$t" = 0 ] || r=$t; done; exit "$r" )`)
	return b.String()
}
