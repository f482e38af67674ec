package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// named is a command line as the manuals write one: alone on an indented or fenced line, or between backticks.
var named = regexp.MustCompile("(?m)(?:^ *|`)gatehouse ([a-z][^`#>&\n;]*)")

// TestManualsNameRealCommands: every verb, subcommand and flag that README and manuals name is one that the program has.
func TestManualsNameRealCommands(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range append(files, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			seen++
			if why := unknown(t, strings.Fields(manualWords(m[1]))); why != "" {
				t.Errorf("%s: gatehouse %s: %s", filepath.Base(file), strings.TrimSpace(m[1]), why)
			}
		}
	}
	if seen < 40 {
		t.Errorf("%d commands found: the manuals are not read", seen)
	}
}

var (
	optional    = regexp.MustCompile(`\[([^\]]*)\]`)
	alternative = regexp.MustCompile(`\|\S+`)
)

// manualWords turns the notation of manuals into words: of a|b the first, [x] as x, … as something.
func manualWords(line string) string {
	line = optional.ReplaceAllString(line, "$1")
	line = alternative.ReplaceAllString(line, "")
	return strings.NewReplacer("…", " ", "\"", "", "'", "", ",", "", ".", "").Replace(line)
}

// unknown says which word the program does not know; what is only missing or a placeholder is no mistake of a manual's.
func unknown(t *testing.T, words []string) string {
	var c cli
	parser, err := kong.New(&c, kong.Name("gatehouse"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(words)
	if err != nil && (strings.Contains(err.Error(), "unknown flag") || strings.Contains(err.Error(), "unexpected argument")) {
		return err.Error()
	}
	return ""
}
