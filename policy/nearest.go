package policy

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// The bounds of what a denial is explained with: how many entries it shows, how many programs and rules are compared.
const (
	maxNearest    = 3
	maxNeighbours = 16
	maxCompared   = 256
)

// sortNear puts first the attempts that have a word spelled like the one that failed: of the options or verbs that could stand
// there, the one that was meant. Where there is such a one, the others are left out.
func sortNear(attempts []attempt, word string) []attempt {
	distance := map[*rule]int{}
	for i, a := range attempts {
		distance[a.rule] = len(word)
		if i < maxCompared {
			distance[a.rule] = wordDistance(word, a.rule.shown)
		}
	}
	slices.SortStableFunc(attempts, func(a, b attempt) int { return distance[a.rule] - distance[b.rule] })
	if slip := slips(word); distance[attempts[0].rule] <= slip {
		return slices.DeleteFunc(attempts, func(a attempt) bool { return distance[a.rule] > slip })
	}
	return attempts
}

// slips is how many typos leave a word one that was meant.
func slips(word string) int { return max(1, len(word)/3) }

// wordDistance is how far the word is from that of a pattern's words that is spelled most like it.
func wordDistance(word, pattern string) int {
	best := typos(word, "")
	for _, known := range strings.FieldsFunc(pattern, func(r rune) bool { return strings.ContainsRune(" ()[]|", r) }) {
		if !strings.HasPrefix(known, "<") {
			best = min(best, typos(word, known))
		}
	}
	return best
}

// likeSpelled returns the rules for programs that are spelled most like an unknown one: of each program, those in which its words
// come furthest.
func (q *question) likeSpelled(argv Argv, view command.View) []string {
	base := baseName(cut(argv[0]))
	distance := map[*rule]int{}
	var found []attempt
	for _, role := range q.roles {
		if role.denyOnly {
			continue
		}
		for _, known := range neighbours(role.names, base) {
			if away := typos(base, known); away <= slips(base) {
				for _, a := range furthest(attemptsOf(role.programs[known], argv, view)) {
					found, distance[a.rule] = append(found, a), away
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b attempt) int {
		return cmp.Or(distance[a.rule]-distance[b.rule], b.furthest-a.furthest, strings.Compare(a.rule.id, b.rule.id))
	})
	return shownOf(found)
}

// attemptsOf holds the words against a program's rules, whatever program they are for. What matches came furthest of all.
func attemptsOf(set *ruleSet, argv Argv, view command.View) []attempt {
	var list []attempt
	for _, rl := range slices.Concat(set.allow, set.ask)[:min(maxCompared, len(set.allow)+len(set.ask))] {
		m := rl.pattern.Match(argv, view)
		if m.Matched {
			m.Furthest = len(argv) + 1
		}
		list = append(list, attempt{rl, m.Furthest, m.Slot})
	}
	return list
}

// shownOf returns the patterns of the first attempts.
func shownOf(attempts []attempt) []string {
	var nearest []string
	for _, a := range attempts {
		if len(nearest) < maxNearest && !slices.Contains(nearest, a.rule.shown) {
			nearest = append(nearest, a.rule.shown)
		}
	}
	return nearest
}

// neighbours returns the names of a sorted list that could be meant by the word: all of a short list, of a longer one those around
// it that begin like it.
func neighbours(sorted []string, word string) []string {
	if word == "" || len(sorted) <= maxCompared {
		return sorted
	}
	at, _ := slices.BinarySearch(sorted, word)
	around := sorted[max(0, at-maxNeighbours):min(len(sorted), at+maxNeighbours)]
	return slices.DeleteFunc(slices.Clone(around), func(name string) bool { return name[0] != word[0] })
}

// others returns rules about the command's program that could serve where the chosen one does not: those that fit, and of them
// the ones that its words come furthest in.
func (q *question) others(i int, fits func(*rule) bool) []string {
	l := q.leaves[i]
	argv, _ := q.expand(l)
	var list []attempt
	seen := map[*rule]bool{}
	for c := range q.rules(argv[0]) {
		if len(seen) == maxCompared {
			break
		}
		if seen[c.rule] || !fits(c.rule) {
			continue
		}
		seen[c.rule] = true
		list = append(list, attempt{c.rule, c.pattern.Match(argv, q.view(l)).Furthest, ""})
	}
	slices.SortFunc(list, func(a, b attempt) int {
		return cmp.Or(b.furthest-a.furthest, strings.Compare(a.rule.id, b.rule.id))
	})
	return shownOf(list)
}

// nearestPaths returns the listed paths that share the most folders with the one that was asked, and of those the ones spelled
// most like it.
func nearestPaths(rules []pathRule, path, home string) []string {
	return closest(pathTexts(rules), func(text string) (int, int) {
		if home != "" && (text == "~" || strings.HasPrefix(text, "~/")) {
			text = home + text[1:]
		}
		return sharedFolders(text, path), typos(text, path)
	})
}

// sharedFolders counts the components that two paths begin with in common.
func sharedFolders(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}

// nearestEnv returns what comes closest to the first variable of env that may not be set: what its value may be, if its name is
// listed; else the listed names that are spelled most like it. Of a name that can never be set there is nothing like it.
func nearestEnv(roles []applied, env []EnvVar) []string {
	at := slices.IndexFunc(env, func(v EnvVar) bool { _, bad := deniedEnv(roles, []EnvVar{v}, ""); return bad })
	if at < 0 || reservedEnv(env[at].Name) || !validEnvName(env[at].Name) {
		return nil
	}
	var own, others []string
	listed := false
	for _, role := range roles {
		if role.denyOnly {
			continue
		}
		for _, e := range role.env {
			others = append(others, e.offer().String())
			if e.names(env[at].Name) {
				listed = true
				if e.value != nil {
					own = append(own, e.offer().String())
				}
			}
		}
	}
	if listed {
		others = own
	}
	return closest(others, func(text string) (int, int) {
		name, _, _ := strings.Cut(text, "=")
		return 0, typos(name, env[at].Name)
	})
}

// closest returns the texts with the highest rank and, of one rank, the smallest distance: three at most. It compares a bounded
// number.
func closest(texts []string, measure func(string) (rank, distance int)) []string {
	type near struct {
		text           string
		rank, distance int
	}
	var found []near
	for _, text := range texts[:min(len(texts), maxCompared)] {
		rank, distance := measure(text)
		found = append(found, near{text, rank, distance})
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(b.rank-a.rank, a.distance-b.distance, strings.Compare(a.text, b.text))
	})
	var nearest []string
	for _, n := range found {
		if len(nearest) < maxNearest && !slices.Contains(nearest, n.text) {
			nearest = append(nearest, n.text)
		}
	}
	return nearest
}

// typos counts the slips that make one word of another: a byte too many, too few, another one, or two exchanged. Words that are
// longer than 64 bytes are far from everything.
func typos(a, b string) int {
	if max(len(a), len(b)) > 64 {
		return 64
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
