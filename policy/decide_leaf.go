package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// judge finds the rule for one command and for what it starts, notes what must be looked up, and returns why it is denied.
func (q *question) judge(l *leaf) *Decision {
	argv, homeless := q.expand(l)
	if homeless && q.named(argv[0]) { // nothing is looked up for a program that no rule names
		q.homeless = true
		return nil
	}
	picked, no := q.pick(l, argv, q.r.PTY)
	if no != nil {
		return no
	}
	l.chosen, l.final = picked, *l.plan
	l.final.Argv, l.final.Globs, l.final.Tildes = argv, nil, nil
	return q.finish(l)
}

// pick returns the rule by which an argv may run, which is one that matches the text and all that is known of its paths.
func (q *question) pick(l *leaf, argv Argv, pty bool) (chosen, *Decision) {
	q.words.Begin(argv, q.view(l))
	var best chosen
	hash := false
	for c := range q.rules(argv[0]) {
		m := q.words.Match(c.pattern)
		if met, _ := c.when.holds(q.r); !m.Matched || !met {
			continue
		}
		q.need(matchProbes(m)...)
		hash = hash || len(c.sha256) > 0
		if best.rule == nil || prefer(c.rule, best.rule, pty) || c.rule == best.rule && c.role.name < best.role.name {
			best = c
		}
	}
	if best.rule == nil {
		picked, no, ok := q.carried(l, argv)
		if ok && no == nil {
			return picked, q.trust(l, argv[0], picked, false)
		}
		if !ok {
			d := q.explain(l.index, argv)
			no = &d
		}
		return best, no
	}
	return best, q.trust(l, argv[0], best, hash)
}

// rules yields the allow and ask rules that are about a program: by the name that was asked, and by the last component of an
// absolute path, which the target must then find under that name (trust).
func (q *question) rules(name string) func(yield func(chosen) bool) {
	return func(yield func(chosen) bool) {
		for _, a := range q.roles {
			if a.denyOnly {
				continue
			}
			for _, key := range names(name) {
				set := a.programs[key]
				if set == nil {
					continue
				}
				for _, list := range [...][]*rule{set.allow, set.ask} {
					for _, rl := range list {
						if !yield(chosen{rl, a.role}) {
							return
						}
					}
				}
			}
		}
	}
}

// names are the names under which rules about a program may stand.
func names(program string) []string {
	if strings.HasPrefix(program, "/") {
		return []string{program, baseName(program)}
	}
	return []string{program}
}

func (q *question) named(program string) bool {
	for range q.rules(program) {
		return true
	}
	_, carries := q.carries(Argv{program, "upload-pack"})
	return carries
}

// trust reports a program that may not run: it is not there, others than root could have put it there, it is not the pinned
// one, or an absolute path is not what the rule's name means on the target.
func (q *question) trust(l *leaf, name string, c chosen, hash bool) *Decision {
	fact, why := q.meant(name, c.pattern.Program(), hash)
	if why == "" && fact.Path != "" && len(c.sha256) > 0 && !slices.Contains(c.sha256, fact.SHA256) && !q.r.Facts.Assume {
		why = "its content is not what the rule pins"
	}
	if why == "" {
		return nil
	}
	return l.notRun(name, why)
}

// notRun denies because of a program.
func (l *leaf) notRun(name, why string) *Decision {
	return denyWord(l.index, name, CodeProgram, fmt.Sprintf("the program %s does not run: %s", quoteCut(name), why))
}

// meant finds the program of a name, and says why it may not run: among the reasons is that it is not what another name, by which
// a rule knows it, means on the target. Without a reason and a path something must be looked up first.
func (q *question) meant(name, byName string, hash bool) (fact ProgramFact, why string) {
	if strings.Contains(name, "/") && (name[0] != '/' || path.Clean(name) != name) {
		return fact, "a program is a name, or an absolute path without . and .."
	}
	fact, known := q.r.program(name)
	if !known || hash && fact.SHA256 == "" && fact.Why == "" && !q.r.Facts.Assume {
		q.need(Probe{Kind: ProbeProgram, Name: name, Hash: hash})
		return ProgramFact{}, ""
	}
	if fact.Why != "" || byName == name {
		return fact, fact.Why
	}
	other, known := q.r.program(byName)
	switch {
	case !known:
		q.need(Probe{Kind: ProbeProgram, Name: byName})
		return ProgramFact{}, ""
	case other.Real != fact.Real:
		return fact, fmt.Sprintf("it is not what %s is on this target", quoteCut(byName))
	}
	return fact, ""
}

// denied reports the deny rule, if any, that a command, its launchers or what it starts meets, by what was asked and by all that is
// known.
func (q *question) denied(l *leaf) *Decision {
	argv, _ := q.expand(l)
	argvs := []Argv{argv}
	if l.expands() {
		argvs = append(argvs, l.plan.Argv)
	}
	view := q.view(l)
	for _, argv := range slices.Concat(argvs, launches(l.plan.Wrap, argv), l.plan.Starts) {
		met := q.denyRule(argv, view)
		if met == nil {
			continue
		}
		reason := met.reason
		if reason == "" {
			reason = fmt.Sprintf("the rule %s denies %s", met.id, quoteCut(argv[0]))
		}
		d := denyWord(l.index, argv[0], CodeDeniedByRule, reason)
		d.Rules = []string{met.id}
		return d
	}
	return nil
}

// launches are the argvs of a command's launchers, each with everything that it starts.
func launches(wrap []Argv, argv Argv) []Argv {
	var list []Argv
	for i := len(wrap) - 1; i >= 0; i-- {
		argv = slices.Concat(wrap[i], argv)
		list = append(list, argv)
	}
	return list
}

// denyRule returns the deny rule that an argv meets, the first by id. One whose condition cannot be evaluated is met.
func (q *question) denyRule(argv Argv, view command.View) *rule {
	var met *rule
	q.words.Begin(argv, view)
	called := q.allNames(argv[0])
	for _, a := range q.roles {
		for _, key := range called {
			set := a.programs[key]
			if set == nil {
				continue
			}
			for _, rl := range set.deny {
				if holds, known := rl.when.holds(q.r); known && !holds {
					continue
				}
				denies, may := q.words.Denies(rl.pattern)
				if denies && (met == nil || rl.id < met.id) {
					met = rl
				}
				q.need(matchProbes(may)...)
			}
		}
	}
	return met
}

// allNames are all the names that a program is known to have: a deny rule need not know by which it is called.
func (q *question) allNames(program string) []string {
	list := append(make([]string, 0, 6), program, baseName(program))
	if fact, known := q.r.program(program); known {
		for _, path := range []string{fact.Path, fact.Real} {
			if path != "" {
				list = append(list, path, baseName(path))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
