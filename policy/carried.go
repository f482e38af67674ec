package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gatehouse/policy/command"
	"gatehouse/policy/program"
)

// This file decides lines by which clients of rsync and git start the far side of their protocol, where no rule of a role admits them: what is
// in the files of roles may be carried so, if their by says rsync or git.

// carriedLine is such a line: its words were understood, and what it does to which paths is known.
type carriedLine struct {
	by    Carrier
	index int   // of the word that was not understood
	err   error // why
	rsync program.RsyncServer
	git   program.GitServer
}

// readCarried reads a command as the far side of rsync or git; ok is false if it is none.
func readCarried(argv Argv) (c carriedLine, ok bool) {
	switch base := baseName(argv[0]); {
	case base == "rsync":
		c.by = Rsync
		c.rsync, c.index, c.err = program.ParseRsyncServer(argv)
	case program.IsGitServer(argv):
		c.by = Git
		c.git, c.index, c.err = program.ParseGitServer(argv)
	default:
		return c, false
	}
	return c, true
}

// carries reports whether a role lets files be carried by this command's protocol at all.
func (q *question) carries(argv Argv) (c carriedLine, ok bool) {
	c, ok = readCarried(argv)
	return c, ok && slices.ContainsFunc(q.roles, func(a applied) bool { return len(a.carried(c.by)) > 0 })
}

// carried decides such a line for the roles' files. ok is false if it is none, or no role has files for it.
func (q *question) carried(l *leaf, argv Argv) (picked chosen, no *Decision, ok bool) {
	c, ok := q.carries(argv)
	if !ok {
		return picked, nil, false
	}
	if why := q.crowded(l, argv); why != "" {
		return picked, denyWord(l.index, argv[0], CodeNotAllowed, fmt.Sprintf("files may be carried by %s, %s", c.by, why)), true
	}
	if c.err != nil {
		no = denyWord(l.index, "", CodeBadArgument, cut(c.err.Error()))
		no.Failed.Index = c.index
		if c.index < len(argv) {
			no.Failed.Token = cut(argv[c.index])
		}
		return picked, no, true
	}
	t := &tree{question: q, by: c.by}
	if c.by == Rsync {
		no = t.rsync(c.rsync)
	} else {
		no = t.git(c.git)
	}
	if no != nil {
		no.Failed = &Failed{Command: l.index, Index: max(0, slices.Index(argv, t.word)), Token: cut(t.word)}
		return picked, no, true
	}
	return q.carriedBy(t, argv), nil, true
}

// crowded says what keeps a line from being the far side of a protocol and nothing else.
func (q *question) crowded(l *leaf, argv Argv) string {
	plain := func(v EnvVar) bool { return v.Name == "LANG" || v.Name == "TZ" || strings.HasPrefix(v.Name, "LC_") }
	switch {
	case len(q.leaves) > 1 || q.r.Plan.Op != OpRun || len(l.plan.Wrap)+len(l.plan.Starts)+len(l.redirs) > 0 || l.plan.Dir != "" || l.plan.Umask != "" || l.plan.Not:
		return "if nothing else is in the line"
	case slices.ContainsFunc(argv, func(word string) bool { return strings.ContainsFunc(word, unicode.IsControl) }):
		return "if its words are plain text"
	case len(l.plan.Env) > 0 || slices.ContainsFunc(q.r.Env, func(v EnvVar) bool { return !plain(v) }):
		return "without variables other than LANG, LC_* and TZ"
	}
	return ""
}

// carriedBy makes the rule by which the line runs: that of a section which admits something, with the others' limits beside it.
func (q *question) carriedBy(t *tree, argv Argv) chosen {
	rl := rule{kind: AllowRule, mode: Plain, pattern: carriedPattern(argv), stdin: []StdinClass{StdinData}}
	var all []chosen
	for _, role := range q.roles {
		for _, f := range role.carried(t.by) {
			if t.uses(f) {
				one := rl
				one.id, one.role = f.role+"/files", f.role
				all = append(all, chosen{&one, role.role})
			}
		}
	}
	if len(all) == 0 { // something is looked up first
		return chosen{&rl, q.roles[0].role}
	}
	slices.SortFunc(all, func(a, b chosen) int {
		return cmp.Or(strings.Compare(a.id, b.id), strings.Compare(a.role.name, b.role.name))
	})
	q.starts = append(q.starts, all[1:]...)
	return all[0]
}

// carriedPattern is a pattern of the program alone: by it, trust finds what the name means.
func carriedPattern(argv Argv) *command.Pattern {
	pattern, err := command.Parse(baseName(argv[0]), nil)
	if err != nil {
		panic("the names of rsync and git are patterns: " + err.Error()) // they are constants
	}
	return pattern
}
