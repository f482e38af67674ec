package main

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"gatehouse/internal/testshell"
)

// named is a difference that docs/shell.md tells of: it is counted by its name, so that it hides none that nobody knows.
type named struct {
	name string
	is   func(script string, want, got testshell.Result) bool
}

// The names, the narrowest first.
var known = []named{
	{"no message: bad array subscript", func(_ string, want, got testshell.Result) bool {
		return says(want.Stderr, ": bad array subscript") && !says(got.Stderr, "bad array subscript") && onlyMessages(want, got)
	}},
	{"value in arithmetic", func(_ string, want, _ testshell.Result) bool {
		return inArithmetic.Match(everything(want))
	}},
	{"unset variable", func(_ string, want, got testshell.Result) bool {
		return says(everything(want), "unbound variable") || says(everything(got), "unbound variable")
	}},
	{"fault of an expansion", func(_ string, want, got testshell.Result) bool {
		return ofExpansion.Match(everything(want)) || ofExpansion.Match(everything(got))
	}},
	{"message of $(…)", func(script string, want, got testshell.Result) bool {
		return substituted.MatchString(script) && fault.Match(everything(want)) && fault.Match(everything(got))
	}},
	{"whether a reader is gone in time", func(script string, want, got testshell.Result) bool {
		return strings.Contains(script, "pipefail") && (readsNothing.MatchString(script) && want.Status != got.Status || readsNothing.MatchString(script) && len(want.Stdout) != len(got.Stdout) || says(everything(want), "141") || says(everything(got), "141") || want.Status == 141 || got.Status == 141)
	}},
	{"class of characters that are not ASCII", func(script string, want, _ testshell.Result) bool {
		return classed.MatchString(script) && bytes.ContainsFunc(everything(want), func(r rune) bool { return r > unicode.MaxASCII })
	}},
	{"place of a message", func(_ string, want, got testshell.Result) bool {
		return onlyMessages(want, got)
	}},
}

// readsNothing is the end of a pipe that goes without having read.
var readsNothing = regexp.MustCompile(`\|&? *(x=1|if |true|false|\(exit|:|nosuch|echo|printf|seq)`)

// substituted is a command with $(…) in its words and its messages turned somewhere.
var substituted = regexp.MustCompile("(\\$\\(|`)[^\n]*(2>|&>|\\|&)")

// classed are sets of characters by the name of a class, which are ASCII here.
var classed = regexp.MustCompile(`\[\[:(alpha|alnum|lower|upper|print|graph|punct)`)

// inArithmetic are bash's words for what is no number.
var inArithmetic = regexp.MustCompile(`syntax error: (operand expected|invalid arithmetic operator|.*error token)|: (arithmetic syntax error|value too great for base|invalid number|invalid arithmetic base|division by 0|expression expected|exponent less than 0|attempted assignment to non-variable)[: (].*error token|expression recursion level exceeded|syntax error in expression`)

// ofExpansion are the words of either for an expansion that cannot be.
var ofExpansion = regexp.MustCompile(`: (bad substitution|invalid indirect expansion|invalid variable name|substring expression < 0|ambiguous redirect|parameter null or not set|parameter not set)|invalid indirect expansion|negative array index|bad array subscript`)

// fault is what a shell says of a program or file that is not there.
var fault = regexp.MustCompile(`command not found|No such file or directory`)

// message is a line that is of a shell or a program about a fault, wherever it went.
var message = regexp.MustCompile(`(?m)^.*(?:(?:bash|environment|sh): line 1:|No such file or directory|Is a directory|cd: |pushd: |popd: |: not found|: cannot open ).*\n?`)

// onlyMessages says that the two differ in nothing but messages and where these are.
func onlyMessages(want, got testshell.Result) bool {
	if want.Status != got.Status || got.Fault != "" || !bytes.Equal(without(want.Stdout), without(got.Stdout)) {
		return false
	}
	for name, what := range want.Files {
		if _, both := got.Files[name]; !both || !bytes.Equal(without([]byte(what)), without([]byte(got.Files[name]))) {
			return false
		}
	}
	return len(want.Files) == len(got.Files)
}

// unquote makes the lines of a file's text lines again; the results have it quoted.
var unquote = strings.NewReplacer(`\n`, "\n", `"`, "\n")

func without(b []byte) []byte {
	return message.ReplaceAll(numbers.ReplaceAll([]byte(unquote.Replace(string(b))), []byte("bash: line 1:")), nil)
}

var numbers = regexp.MustCompile(`\S+:\s+line\s+\d+:`)

func says(b []byte, what string) bool { return bytes.Contains(b, []byte(what)) }

// everything is all that a text left to be read.
func everything(r testshell.Result) []byte {
	all := append(append([]byte{}, r.Stderr...), r.Stdout...)
	for _, what := range r.Files {
		all = append(all, what...)
	}
	return all
}

// nameOf is the known difference that one is, or nothing.
func nameOf(script string, want, got testshell.Result) string {
	for _, k := range known {
		if k.is(script, want, got) {
			return k.name
		}
	}
	return ""
}
