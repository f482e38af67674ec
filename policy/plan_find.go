package policy

import (
	"fmt"
	"slices"
	"strings"
)

// The words of find's language that are understood beside -exec: those without and those with one or two words behind.
var (
	findWords0 = []string{
		"-print", "-print0", "-delete", "-ls", "-quit", "-prune", "-depth", "-d", "-mount", "-xdev", "-empty", "-readable", "-writable", "-executable",
		"-true", "-false", "-daystart", "-noleaf", "-nouser", "-nogroup", "-follow", "-o", "-or", "-a", "-and", "-not", "!", "(", ")", ",",
	}
	findWords1 = []string{
		"-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-regex", "-iregex", "-lname", "-ilname", "-type", "-xtype", "-size", "-mtime",
		"-ctime", "-atime", "-mmin", "-cmin", "-amin", "-newer", "-anewer", "-cnewer", "-newermt", "-perm", "-user", "-group", "-uid", "-gid", "-links",
		"-inum", "-samefile", "-maxdepth", "-mindepth", "-printf", "-fprint", "-fprint0", "-fls", "-regextype", "-fstype", "-used",
	}
	findWords2 = []string{"-fprintf"}
	findExec   = []string{"-exec", "-execdir", "-ok", "-okdir"}
)

// findStarts returns what find starts by -exec. Each starting point is visited itself, and files at any depth below it.
func findStarts(words []string) ([]Argv, error) {
	if !slices.ContainsFunc(words, func(word string) bool { return slices.Contains(findExec, word) }) {
		return nil, nil
	}
	points, words := findPoints(words)
	var starts []Argv
	for len(words) > 0 {
		word := words[0]
		used := 0
		switch {
		case slices.Contains(findWords0, word):
			used = 1
		case slices.Contains(findWords1, word):
			used = 2
		case slices.Contains(findWords2, word):
			used = 3
		case word == "-exec":
			length, each, err := execWords(words[1:])
			if err != nil {
				return nil, err
			}
			starts = append(starts, execSamples(points, words[1:1+length], each)...)
			used = length + 2
		case slices.Contains(findExec, word):
			return nil, fmt.Errorf("find %s is not understood: use -exec", word)
		default:
			return nil, fmt.Errorf("find's %q is not understood beside -exec", word)
		}
		if used > len(words) {
			return nil, fmt.Errorf("find's %q lacks a word behind it", word)
		}
		words = words[used:]
	}
	return starts, nil
}

// findPoints divides the starting points from the expression.
func findPoints(words []string) (points, expression []string) {
	for len(words) > 0 && (words[0] == "-H" || words[0] == "-L" || words[0] == "-P") {
		words = words[1:]
	}
	for len(words) > 0 && !strings.HasPrefix(words[0], "-") && !slices.Contains(findWords0, words[0]) {
		points, words = append(points, words[0]), words[1:]
	}
	if len(points) == 0 {
		points = []string{"."}
	}
	return points, words
}

// execWords counts the words of an -exec up to its end. each reports the form that runs once a file.
func execWords(words []string) (length int, each bool, err error) {
	for i, word := range words {
		switch {
		case word == ";":
			length, each = i, true
		case word == "+" && i > 0 && words[i-1] == "{}":
			length = i
		default:
			continue
		}
		if length == 0 || strings.Contains(words[0], "{}") {
			return 0, false, fmt.Errorf("find -exec is followed by a program's name")
		}
		if joined := strings.Join(words[:length], " "); !each && strings.Count(joined, "{}") > 1 {
			return 0, false, fmt.Errorf("find -exec … {} + has one {}")
		}
		return length, each, nil
	}
	return 0, false, fmt.Errorf(`find -exec ends with \; or {} +`)
}

// execSamples puts files in the place of {}.
func execSamples(points, words []string, each bool) []Argv {
	if !strings.Contains(strings.Join(words, " "), "{}") {
		return []Argv{slices.Clone(words)}
	}
	var starts []Argv
	for _, point := range points {
		below := strings.TrimSuffix(point, "/") + "/" + Unknown
		for _, file := range []string{point, below, below + "/" + Unknown + "/" + Unknown} {
			start := make(Argv, len(words))
			for i, word := range words {
				start[i] = strings.ReplaceAll(word, "{}", file)
			}
			starts = append(starts, start)
		}
		if !each {
			last := len(words) - 1
			starts = append(starts, slices.Concat(words[:last], []string{point, below, below + "/" + Unknown}))
			starts = append(starts, slices.Concat(words[:last], slices.Repeat([]string{below}, manyWords)))
		}
	}
	return starts
}
