// Command shellfuzz compares the governed shell with bash on random scripts: each that is admitted must print what bash prints, leave its
// files and end with its status. A difference is shrunk before it is told; the run goes on after it, to its end.
//
// Script i of a seed is always the same: -seed S -from I goes on where a run ended, -seed S -from I -n 1 repeats one.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/testshell"
)

func main() {
	testshell.IsChild()
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "which scripts")
	from := flag.Uint64("from", 0, "the first script's number")
	n := flag.Uint64("n", 0, "how many scripts; 0 has no bound")
	length := flag.Duration("for", 0, "how long; 0 has no bound")
	apart := flag.Bool("apart", false, "run each shell in a process of its own, which may panic")
	verbose := flag.Bool("v", false, "print every script")
	flag.Parse()
	if *n == 0 && *length == 0 {
		*n = 500
	}
	start := testshell.Here
	if *apart {
		start = testshell.Apart
	}
	if err := run(*seed, *from, *n, *length, start, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "shellfuzz:", err)
		os.Exit(1)
	}
}

// found is bounded: after so many differences a run ends.
const mostFound = 50

func run(seed, from, n uint64, length time.Duration, start testshell.Start, verbose bool) error {
	root, err := os.MkdirTemp("", "shellfuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	box, err := testshell.NewBox(root)
	if err != nil {
		return err
	}
	defer box.Close()
	box.SetTimeout(5 * time.Second)
	began, i := time.Now(), from
	counts, constructs := map[testshell.Class]int{}, map[string]int{}
	for ; (n == 0 || i < from+n) && (length == 0 || time.Since(began) < length) && counts[testshell.Different] < mostFound; i++ {
		c := find(seed, i)
		if verbose {
			fmt.Printf("-from %d\n%s\n", i, c.Script)
		}
		class, why, err := box.Judge(context.Background(), c, start)
		if err != nil {
			return fmt.Errorf("-seed %d -from %d: %w", seed, i, err)
		}
		if class == testshell.Different {
			if want, err := box.Bash(context.Background(), c); err != nil || want.Status < 0 { // it has no end
				counts["endless"]++
				continue
			}
			if class, _, err = box.Judge(context.Background(), c, start); err != nil || class != testshell.Different {
				counts["unsteady"]++ // what runs at once came in another order
				continue
			}
		}
		counts[class]++
		switch class {
		case testshell.Refused:
			construct, _, _ := strings.Cut(why, ": ")
			constructs[construct]++
		case testshell.Different:
			small, why := shrink(box, c, why, start)
			fmt.Printf("DIFFERENT -seed %d -from %d -n 1\n%s   %s\n\n", seed, i, small.Script, strings.ReplaceAll(why, "\n", "\n   "))
		}
	}
	tell(seed, i, int(i-from), counts, constructs)
	if counts[testshell.Different] > 0 {
		return fmt.Errorf("%d scripts differ without a word", counts[testshell.Different])
	}
	return nil
}

// find is script i of a seed, with the files that it finds.
func find(seed, i uint64) testshell.Case {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, i))}
	text := g.of("", "x=abc\n", "x='a b'; y=12\n", "a=(p 'q r' s)\n", "n=2; x=$HOME_; y='*'\n", "set -- u 'v w'\n", "x='  pad '; a=(1 2)\n") + g.script()
	c := testshell.Case{Group: "fuzz", Name: fmt.Sprint(i), Script: text}
	for name, data := range map[string]string{"in": "one\ntwo words\n lead\\x\na:b:c\n", "d/f": "f\n", "d/e/g.t": "", "a.t": "A\n", "b.t": "B b\n", "lib.sh": "y=lib; echo \"lib $#\"\n", "script.sh": "echo \"s $1 $x\"; exit 5\n"} {
		c.Files = append(c.Files, testshell.File{Path: name, Mode: 0o644, Data: data})
	}
	c.Files = append(c.Files, testshell.File{Path: "run.sh", Mode: 0o755, Data: "#!/bin/sh\necho \"run $1\"\n"})
	return c
}

func tell(seed, next uint64, total int, counts map[testshell.Class]int, constructs map[string]int) {
	fmt.Printf("shellfuzz: -seed %d: %d scripts, %d equal (%.1f %%), %d stopped, %d refused, %d unsteady, %d endless, %d different; go on with -from %d\n", seed, total,
		counts[testshell.Equal], 100*float64(counts[testshell.Equal])/float64(max(total, 1)), counts[testshell.Stopped], counts[testshell.Refused], counts["unsteady"], counts["endless"], counts[testshell.Different], next)
	for _, name := range slices.SortedFunc(maps.Keys(constructs), func(a, b string) int { return constructs[b] - constructs[a] }) {
		fmt.Printf("  %5d %s\n", constructs[name], name)
	}
}

// shrink takes lines and then words away for as long as what is left still differs.
func shrink(box *testshell.Box, c testshell.Case, why string, start testshell.Start) (testshell.Case, string) {
	end := time.Now().Add(20 * time.Second)
	for _, sep := range []string{"\n", " "} {
		for changed := true; changed && time.Now().Before(end); {
			changed = false
			parts := strings.Split(strings.TrimSuffix(c.Script, "\n"), sep)
			for i := len(parts) - 1; i >= 0 && time.Now().Before(end); i-- {
				less := c
				less.Script = strings.Join(slices.Delete(slices.Clone(parts), i, i+1), sep) + "\n"
				class, whyLess, err := box.Judge(context.Background(), less, start)
				if err == nil && class == testshell.Different && !strings.Contains(whyLess, ", bash -1") { // that has no end
					c, why, changed = less, whyLess, true
					parts = slices.Delete(parts, i, i+1)
				}
			}
		}
	}
	return c, why
}
