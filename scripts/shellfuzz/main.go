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
	all := flag.Bool("all", false, "show the differences that are known, too")
	most := flag.Int("most", 50, "after how many differences a run ends")
	flag.Parse()
	if *n == 0 && *length == 0 {
		*n = 500
	}
	c := config{seed: *seed, from: *from, n: *n, length: *length, start: testshell.Here, verbose: *verbose, all: *all, most: *most}
	if *apart {
		c.start = testshell.Apart
	}
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "shellfuzz:", err)
		os.Exit(1)
	}
}

// config is what a run was asked for.
type config struct {
	seed, from, n uint64
	length        time.Duration
	start         testshell.Start
	verbose, all  bool
	most          int
}

// run draws scripts until there are enough, or the time is over, or so many differ that somebody should look.
func run(c config) error {
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
	r := &runner{config: c, box: box, counts: map[testshell.Class]int{}, constructs: map[string]int{}, names: map[string]int{}}
	began, i := time.Now(), c.from
	for ; (c.n == 0 || i < c.from+c.n) && (c.length == 0 || time.Since(began) < c.length) && r.counts[testshell.Different] < c.most; i++ {
		if err := r.one(i); err != nil {
			return fmt.Errorf("-seed %d -from %d: %w", c.seed, i, err)
		}
	}
	r.tell(i, time.Since(began))
	if r.counts[testshell.Different] > 0 {
		return fmt.Errorf("%d scripts differ without a word", r.counts[testshell.Different])
	}
	return nil
}

// runner is one run.
type runner struct {
	config
	box        *testshell.Box
	counts     map[testshell.Class]int
	constructs map[string]int // refused
	names      map[string]int // known differences
}

// one judges script i.
func (r *runner) one(i uint64) error {
	c := find(r.seed, i)
	if r.verbose {
		fmt.Printf("-from %d\n%s\n", i, c.Script)
	}
	v, err := r.judge(c)
	if err != nil {
		return err
	}
	if v.class == testshell.Different {
		if v.want.Status < 0 {
			r.counts["endless"]++
			return nil
		}
		if v, err = r.judge(c); err != nil || v.class != testshell.Different {
			r.counts["unsteady"]++ // what runs at once came in another order
			return err
		}
	}
	switch v.class {
	case testshell.Refused:
		construct, _, _ := strings.Cut(v.why, ": ")
		r.constructs[construct]++
	case testshell.Different:
		c, v = r.shrink(c, v)
		if v.name != "" && !r.all {
			r.counts["named"]++
			r.names[v.name]++
			return nil
		}
		fmt.Printf("DIFFERENT -seed %d -from %d -n 1 %s\n%s   %s\n\n", r.seed, i, v.name, c.Script, strings.ReplaceAll(v.why, "\n", "\n   "))
	}
	r.counts[v.class]++
	return nil
}

// verdict is how one script came out.
type verdict struct {
	class     testshell.Class
	why       string
	name      string // of a difference that is known
	want, got testshell.Result
}

func (r *runner) judge(c testshell.Case) (v verdict, err error) {
	if v.want, err = r.box.Bash(context.Background(), c); err != nil {
		return v, err
	}
	if v.got, err = r.box.Governed(context.Background(), c, r.start); err != nil {
		return v, err
	}
	if v.class, v.why = testshell.Compare(v.want, v.got); v.class == testshell.Different {
		v.name = nameOf(c.Script, v.want, v.got)
		if loud := strings.ReplaceAll(c.Script, "2>/dev/null", ""); v.name == "" && loud != c.Script {
			c.Script = loud
			if heard, err := r.judge(c); err != nil || heard.class == testshell.Stopped || heard.class == testshell.Refused || heard.name != "" {
				v.name = "as without 2>/dev/null"
				return v, err
			}
		}
	}
	return v, nil
}

// find is script i of a seed, with the files that it finds.
func find(seed, i uint64) testshell.Case {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, i))}
	text := g.of("", "x=abc\n", "x='a b'; y=12\n", "a=(p 'q r' s)\n", "n=2; x=$HOME_; y='*'\n", "set -- u 'v w'\n", "x='  pad '; a=(1 2)\n") + g.script()
	c := testshell.Case{Group: "fuzz", Name: fmt.Sprint(i), Script: text}
	for name, data := range map[string]string{"in": "one\ntwo words\n lead\\x\na:b:c\n", "d/f": "f\n", "d/e/g.t": "", "a.t": "A\n", "b.t": "B b\n", "lib.sh": "y=lib; echo \"lib $#\"\n", "script.sh": "echo \"s $1 $x\"; exit 5\n",
		"odd/sp ace.q": "s\n", "odd/star*.q": "st\n", "odd/-dash": "d\n", "odd/[x].q": "x\n", "odd/.hid.q": "h\n", "odd/é,1.r": "é\n", "odd/q'uote": "'\n", "odd/new\nline": "n\n"} {
		c.Files = append(c.Files, testshell.File{Path: name, Mode: 0o644, Data: data})
	}
	c.Files = append(c.Files, testshell.File{Path: "run.sh", Mode: 0o755, Data: "#!/bin/sh\necho \"run $1\"\n"})
	return c
}

func (r *runner) tell(next uint64, took time.Duration) {
	total := int(next - r.from)
	fmt.Printf("shellfuzz: -seed %d: %d scripts in %s, %d equal (%.1f %%), %d stopped, %d refused, %d unsteady, %d endless, %d different as known, %d different; go on with -from %d\n", r.seed, total, took.Round(time.Second),
		r.counts[testshell.Equal], 100*float64(r.counts[testshell.Equal])/float64(max(total, 1)), r.counts[testshell.Stopped], r.counts[testshell.Refused], r.counts["unsteady"], r.counts["endless"], r.counts["named"], r.counts[testshell.Different], next)
	for _, counted := range []struct {
		what string
		of   map[string]int
	}{{"different as known", r.names}, {"refused", r.constructs}} {
		for _, name := range slices.SortedFunc(maps.Keys(counted.of), func(a, b string) int { return counted.of[b] - counted.of[a] }) {
			fmt.Printf("  %5d %s: %s\n", counted.of[name], counted.what, name)
		}
	}
}

// shrink takes lines and then words away for as long as what is left still differs: one that no name is known of to another such one.
func (r *runner) shrink(c testshell.Case, v verdict) (testshell.Case, verdict) {
	end := time.Now().Add(20 * time.Second)
	for _, sep := range []string{"\n", "; ", " "} {
		for changed := true; changed && time.Now().Before(end); {
			changed = false
			parts := strings.Split(strings.TrimSuffix(c.Script, "\n"), sep)
			for i := len(parts) - 1; i >= 0 && time.Now().Before(end); i-- {
				less := c
				less.Script = strings.Join(slices.Delete(slices.Clone(parts), i, i+1), sep) + "\n"
				vLess, err := r.judge(less)
				if err == nil && vLess.class == testshell.Different && vLess.want.Status >= 0 && (v.name != "" || vLess.name == "") {
					c, v, changed = less, vLess, true
					parts = slices.Delete(parts, i, i+1)
				}
			}
		}
	}
	return c, v
}
