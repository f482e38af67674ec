package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// launcherSpec describes a program that becomes the command behind its own words.
type launcherSpec struct {
	flags   []string                     // options without a value, in full
	values  map[string]func(string) bool // options with a value, in full: -n, --adjustment
	operand func(string) bool            // the one word before the command, if it takes one
}

// launchers are those whose options are understood. Every other option of theirs is refused.
var launchers = map[string]launcherSpec{
	"timeout": {
		flags:   []string{"--preserve-status", "--foreground"},
		values:  map[string]func(string) bool{"-k": duration, "--kill-after": duration, "-s": signalName, "--signal": signalName},
		operand: duration,
	},
	"nice":   {values: map[string]func(string) bool{"-n": niceness, "--adjustment": niceness}},
	"nohup":  {},
	"stdbuf": {values: map[string]func(string) bool{"-i": buffering, "-o": buffering, "-e": buffering, "--input": buffering, "--output": buffering, "--error": buffering}},
}

// Launcher reads the words of timeout, nice, nohup or stdbuf before the command that they start. own counts them; what
// follows is the command's argv. known is false for every other program. An option that is not understood, an
// abbreviated one included, is an error that names it.
func Launcher(argv Argv) (own int, known bool, err error) {
	if len(argv) == 0 {
		return 0, false, nil
	}
	name := path.Base(argv[0])
	spec, known := launchers[name]
	if !known {
		return 0, false, nil
	}
	own = 1
	for own < len(argv) && strings.HasPrefix(argv[own], "-") {
		words, err := spec.option(name, argv[own:])
		if err != nil {
			return 0, true, err
		}
		own += words
	}
	if name == "stdbuf" && own == 1 {
		return 0, true, fmt.Errorf("stdbuf has at least one of -i, -o and -e")
	}
	if spec.operand == nil {
		return own, true, nil
	}
	if own == len(argv) || !spec.operand(argv[own]) {
		return 0, true, fmt.Errorf("%s is followed by a duration such as 30 or 5m", name)
	}
	return own + 1, true, nil
}

// option reads the option that begins the words, and its value: "-k 5", "-k5", "--kill-after=5".
func (spec launcherSpec) option(name string, words []string) (int, error) {
	option := words[0]
	if slices.Contains(spec.flags, option) {
		return 1, nil
	}
	key, value, joined := strings.Cut(option, "=")
	if !strings.HasPrefix(option, "--") {
		key, value = option[:min(2, len(option))], option[min(2, len(option)):]
		joined = value != ""
	}
	valid, known := spec.values[key]
	if !known {
		return 0, fmt.Errorf("%s's option %q is not understood", name, option)
	}
	used := 1
	if !joined {
		if len(words) < 2 || strings.HasPrefix(key, "--") {
			return 0, fmt.Errorf("%s's option %q has no value", name, option)
		}
		value, used = words[1], 2
	}
	if !valid(value) {
		return 0, fmt.Errorf("%s's option %q cannot have the value %q", name, key, value)
	}
	return used, nil
}

// duration is a number of at most 12 characters with an optional unit.
func duration(word string) bool {
	number := strings.TrimRight(word, "smhd")
	whole, part, dot := strings.Cut(number, ".")
	return len(word) <= 12 && len(word)-len(number) <= 1 && digits(whole) && (!dot || digits(part))
}

func signalName(word string) bool {
	return word != "" && len(word) <= 12 && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func niceness(word string) bool {
	return len(word) <= 3 && digits(strings.TrimPrefix(word, "-"))
}

// buffering is L, or a number with an optional unit.
func buffering(word string) bool {
	number := strings.TrimRight(word, "KMG")
	return word == "L" || len(word) <= 12 && len(word)-len(number) <= 1 && digits(number)
}

func digits(word string) bool {
	return word != "" && strings.Trim(word, "0123456789") == ""
}
