// Command difffuzz compares plans with bash on random lines: each that is accepted must do under every login shell what
// bash makes of it (bastion/shell/judge), and its text must be its plan again. Words sent as exact argvs must arrive.
//
// Line i of a seed is always the same: -seed S -from I goes on where a run ended, -seed S -from I -n 1 repeats one line.
package main

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"slices"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/shell/judge"
	"gatehouse/policy"
)

func main() {
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "which lines")
	from := flag.Uint64("from", 0, "the first line's number")
	n := flag.Uint64("n", 0, "how many lines; 0 has no bound")
	length := flag.Duration("for", 0, "how long; 0 has no bound")
	verbose := flag.Bool("v", false, "print every accepted line")
	flag.Parse()
	if *n == 0 && *length == 0 {
		*n = 1000
	}
	if err := run(*seed, *from, *n, *length, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "difffuzz:", err)
		os.Exit(1)
	}
}

func run(seed, from, n uint64, length time.Duration, verbose bool) error {
	root, err := os.MkdirTemp("", "difffuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	box, err := judge.New(root)
	if err != nil {
		return err
	}
	start, accepted, i := time.Now(), 0, from
	for ; (n == 0 || i < from+n) && (length == 0 || time.Since(start) < length); i++ {
		r := rand.New(rand.NewPCG(seed, i))
		ok, problem, err := one(box, r, verbose)
		if err != nil {
			return fmt.Errorf("-seed %d -from %d: %w", seed, i, err)
		}
		if problem != "" {
			return fmt.Errorf("-seed %d -from %d -n 1: %s", seed, i, problem)
		}
		if ok {
			accepted++
		}
	}
	fmt.Printf("difffuzz: -seed %d: %d of %d lines were plans, and all meant what bash means; go on with -from %d\n", seed, accepted, i-from, i)
	return nil
}

// one judges one line or one exact argv.
func one(box *judge.Box, r *rand.Rand, verbose bool) (accepted bool, problem string, err error) {
	if r.IntN(12) == 0 {
		problem, err = exact(box, r)
		return true, problem, err
	}
	line := randomLine(r)
	plan, err := shell.Parse(line)
	if err != nil {
		return false, "", nil
	}
	if verbose {
		fmt.Printf("%q\n", line)
	}
	if again, err := shell.Parse(plan.String()); err != nil || !reflect.DeepEqual(plan, again) {
		return true, fmt.Sprintf("%q became %q, which became %q (%v)", line, plan, again, err), nil
	}
	if writes(plan) && globs(plan) {
		return true, "", nil // bash looks at files when a command's turn comes, a target is asked before
	}
	if pipes(plan) && sharesFile(plan, map[string]bool{}) {
		return true, "", nil // commands that run at once write to it in either order
	}
	accepted, problem, err = box.Compare(line, judge.Shells...)
	if problem != "" {
		problem = fmt.Sprintf("%q: %s", line, problem)
	}
	return accepted, problem, err
}

// exact sends random words as an exact argv.
func exact(box *judge.Box, r *rand.Rand) (string, error) {
	argv := policy.Argv{pick(r, judge.Programs)}
	for range r.IntN(5) {
		argv = append(argv, randomText(r))
	}
	text, err := json.Marshal(argv)
	if err != nil {
		return "", err
	}
	plan, err := shell.Parse(shell.ArgvPrefix + base64.RawURLEncoding.EncodeToString(text))
	if err != nil {
		return fmt.Sprintf("%q is refused: %v", argv, err), nil
	}
	final, err := box.Final(plan)
	if err != nil {
		return "", err
	}
	for _, sh := range judge.Shells {
		got, err := box.Run(sh, final.Line(nil))
		if err != nil {
			return "", err
		}
		argvs, err := got.Argvs()
		if err != nil {
			return "", err
		}
		if len(argvs) != 1 || !slices.Equal(argvs[0], argv) {
			return fmt.Sprintf("%s: %q arrived as %q", sh, argv, argvs), nil
		}
	}
	return "", nil
}

// writes reports whether a plan makes files.
func writes(p policy.Plan) bool {
	for _, r := range p.Redirs {
		if r.Op == policy.RedirOut || r.Op == policy.RedirAppend {
			return true
		}
	}
	return slices.ContainsFunc(p.Parts, writes)
}

// sharesFile reports whether two redirections have the same file's name at their end.
func sharesFile(p policy.Plan, seen map[string]bool) bool {
	for _, r := range p.Redirs {
		if name := path.Base(r.Path); r.Path != "" {
			if seen[name] && name != "null" {
				return true
			}
			seen[name] = true
		}
	}
	return slices.ContainsFunc(p.Parts, func(part policy.Plan) bool { return sharesFile(part, seen) })
}

func pipes(p policy.Plan) bool {
	return p.Op == policy.OpPipe || slices.ContainsFunc(p.Parts, pipes)
}

func globs(p policy.Plan) bool {
	return len(p.Globs) > 0 || slices.ContainsFunc(p.Parts, globs)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
