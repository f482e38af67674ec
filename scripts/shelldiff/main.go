// Command shelldiff runs every case of bastion/shell/testdata by bash and by a governed shell, and counts what is equal, what is refused
// and what differs without a word. A difference is a fault of its exit status.
package main

import (
	"context"
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
	flag.Parse()
	folders := flag.Args()
	if len(folders) == 0 {
		folders = []string{"bastion/shell/testdata/governed", "bastion/shell/testdata/snippets"}
	}
	different := 0
	for _, folder := range folders {
		n, err := judge(folder, *only, *verbose)
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

// judge runs the cases of a folder and prints what came of them.
func judge(folder, only string, verbose bool) (different int, err error) {
	cases, err := testshell.Load(folder)
	if err != nil {
		return 0, err
	}
	root, err := os.MkdirTemp("", "shelldiff")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(root)
	box, err := testshell.NewBox(root)
	if err != nil {
		return 0, err
	}
	defer box.Close()
	counts, constructs := map[testshell.Class]int{}, map[string]int{}
	for _, c := range cases {
		if !strings.HasPrefix(c.Group+"/"+c.Name, only) {
			continue
		}
		class, why, err := box.Judge(context.Background(), c, testshell.Apart)
		if err != nil {
			return 0, fmt.Errorf("%s/%s: %w", c.Group, c.Name, err)
		}
		counts[class]++
		switch {
		case class == testshell.Refused:
			construct, _, _ := strings.Cut(why, ": ")
			constructs[construct]++
			if verbose {
				fmt.Printf("refused %s/%s: %s\n", c.Group, c.Name, why)
			}
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
	fmt.Printf("%s: %d cases, %d equal (%.1f %%), %d refused, %d stopped, %d different\n", filepath.Base(folder), total, counts[testshell.Equal],
		100*float64(counts[testshell.Equal])/float64(max(total, 1)), counts[testshell.Refused], counts[testshell.Stopped], counts[testshell.Different])
	names := slices.SortedFunc(maps.Keys(constructs), func(a, b string) int { return constructs[b] - constructs[a] })
	for _, name := range names {
		fmt.Printf("  %4d %s\n", constructs[name], name)
	}
	return counts[testshell.Different], nil
}
