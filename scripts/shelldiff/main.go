// Command shelldiff runs every case of bastion/shell/testdata by bash and by a governed shell, and counts what is equal, what is refused
// and what differs without a word. A difference is a fault of its exit status. With -ssh both are a real sshd's, with the stock client: bash
// straight, the governed shell through a Gatehouse of its own (bin/gatehouse, as root).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/testshell"
)

func main() {
	testshell.IsChild()
	verbose := flag.Bool("v", false, "print every refusal")
	only := flag.String("only", "", "run cases whose GROUP/NAME begins so")
	bySSH := flag.Bool("ssh", false, "compare by the stock client, through a Gatehouse and straight")
	every := flag.Int("every", 1, "run each nth case")
	flag.Parse()
	folders := flag.Args()
	if len(folders) == 0 {
		folders = []string{"bastion/shell/testdata/governed", "bastion/shell/testdata/snippets"}
		if *bySSH {
			folders = folders[1:]
		}
	}
	different := 0
	for _, folder := range folders {
		n, err := judge(folder, options{only: *only, verbose: *verbose, bySSH: *bySSH, every: *every})
		if err != nil {
			fmt.Fprintln(os.Stderr, "shelldiff:", err)
			os.Exit(2)
		}
		different += n
	}
	if different > 0 {
		os.Exit(1)
	}
}

// options are those of the command line.
type options struct {
	only           string
	verbose, bySSH bool
	every          int
}

// judge runs the cases of a folder and prints what came of them.
func judge(folder string, o options) (different int, err error) {
	cases, err := testshell.Load(folder)
	if err != nil {
		return 0, err
	}
	root, err := os.MkdirTemp("", "shelldiff")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(root)
	one, end, err := judgeOne(root, o.bySSH)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, end()) }()
	counts, constructs := map[testshell.Class]int{}, map[string]int{}
	for i, c := range cases {
		if !strings.HasPrefix(c.Group+"/"+c.Name, o.only) || i%o.every != 0 {
			continue
		}
		class, why, err := one(c, i)
		if err != nil {
			return 0, fmt.Errorf("%s/%s: %w", c.Group, c.Name, err)
		}
		counts[class]++
		switch {
		case class == testshell.Refused:
			construct, _, _ := strings.Cut(why, ": ")
			constructs[construct]++
			if o.verbose {
				fmt.Printf("refused %s/%s: %s\n", c.Group, c.Name, why)
			}
		case class == testshell.Denied:
			fmt.Printf("denied %s/%s: %s\n", c.Group, c.Name, why)
		case class == testshell.Stopped:
			fmt.Printf("stopped %s/%s: %s\n", c.Group, c.Name, why)
		case class == testshell.Different:
			fmt.Printf("DIFFERENT %s/%s\n%s   %s\n\n", c.Group, c.Name, c.Script, strings.ReplaceAll(why, "\n", "\n   "))
		}
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	fmt.Printf("%s: %d cases, %d equal (%.1f %%), %d refused, %d stopped, %d denied, %d different\n", filepath.Base(folder), total, counts[testshell.Equal],
		100*float64(counts[testshell.Equal])/float64(max(total, 1)), counts[testshell.Refused], counts[testshell.Stopped], counts[testshell.Denied], counts[testshell.Different])
	names := slices.SortedFunc(maps.Keys(constructs), func(a, b string) int { return constructs[b] - constructs[a] })
	for _, name := range names {
		fmt.Printf("  %4d %s\n", constructs[name], name)
	}
	return counts[testshell.Different], nil
}

// judgeOne is what runs a case: here, or by ssh.
func judgeOne(root string, bySSH bool) (one func(testshell.Case, int) (testshell.Class, string, error), end func() error, err error) {
	ctx := context.Background()
	if bySSH {
		r, end, err := remote(ctx, root)
		if err != nil {
			return nil, nil, err
		}
		return func(c testshell.Case, i int) (testshell.Class, string, error) { return r.Judge(ctx, c, way(c, i)) }, end, nil
	}
	box, err := testshell.NewBox(root)
	if err != nil {
		return nil, nil, err
	}
	return func(c testshell.Case, _ int) (testshell.Class, string, error) {
		return box.Judge(ctx, c, testshell.Apart)
	}, box.Close, nil
}
