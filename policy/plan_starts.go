package policy

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Starts returns samples of the commands that xargs or find starts, as its words say; none for every other program and
// for a find without -exec. Unknown stands for what is only known when it runs. A form that is not understood is an error.
func Starts(argv Argv) ([]Argv, error) {
	if len(argv) == 0 {
		return nil, nil
	}
	var starts []Argv
	var err error
	switch path.Base(argv[0]) {
	case "xargs":
		starts, err = xargsStarts(argv[1:])
	case "find":
		starts, err = findStarts(argv[1:])
	}
	if err != nil {
		return nil, err
	}
	if len(starts) > maxStarts {
		return nil, fmt.Errorf("%s starts at most %d sorts of commands", argv[0], maxStarts)
	}
	for _, start := range starts {
		if start[0] == "" || start[0][0] == '-' {
			return nil, fmt.Errorf("%q is no command's name", start[0])
		}
		if name := path.Base(start[0]); slices.Contains(starters, name) {
			return nil, fmt.Errorf("%s cannot start %s: let it start the program itself", argv[0], name)
		}
	}
	return starts, nil
}

// starters are programs that start what their words say; they hide it when another program starts them.
var starters = []string{
	"env", "timeout", "nice", "nohup", "stdbuf", "xargs", "find", "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "sudo", "su",
	"doas", "busybox", "watch", "script", "flock", "chroot", "unshare", "setsid", "nsenter", "runuser", "setpriv", "ionice", "chrt", "taskset",
	"setarch", "prlimit", "time", "parallel", "strace", "ltrace", "exec", "command",
}

// xargsCall is what xargs' own options say.
type xargsCall struct {
	replace string // of -I
	grouped bool   // -n or -L, which GNU xargs does not combine with -I
	always  bool   // it runs once even without input
	nul     bool   // -0: no input has a NUL in it
	most    int    // of -n: how many words it adds; 0: no bound
	command []string
}

func xargsStarts(words []string) ([]Argv, error) {
	call, err := readXargs(words)
	if err != nil {
		return nil, err
	}
	if call.replace != "" {
		return replacedStarts(call)
	}
	with := func(more ...string) Argv { return slices.Concat(call.command, more) }
	starts := []Argv{with("-" + Unknown)}
	for _, count := range call.counts() {
		starts = append(starts, with(slices.Repeat([]string{Unknown}, count)...))
	}
	if call.always {
		starts = append(starts, with())
	}
	return starts, nil
}

// manyWords stands for as many words as there are: more than a pattern without ... takes.
const manyWords = 20

// counts says how many words xargs may add.
func (call *xargsCall) counts() []int {
	most := manyWords
	if call.most > 0 {
		most = min(most, call.most)
	}
	counts := []int{1}
	for _, count := range []int{2, 3, most} {
		if count <= most && count > counts[len(counts)-1] {
			counts = append(counts, count)
		}
	}
	return counts
}

// replacedStarts puts an unknown word in the place of -I's. Where the input may have a NUL in it, xargs starts the command with words that
// end there: nothing of the word after the first place is sure to be in it.
func replacedStarts(call xargsCall) ([]Argv, error) {
	if strings.Contains(call.command[0], call.replace) {
		return nil, fmt.Errorf("xargs -I %s cannot stand for a command's name", call.replace)
	}
	var starts []Argv
	for _, value := range []string{Unknown, "-" + Unknown} {
		start := make(Argv, len(call.command))
		for i, word := range call.command {
			start[i] = strings.ReplaceAll(word, call.replace, value)
			if before, _, replaced := strings.Cut(word, call.replace); replaced && !call.nul {
				start[i] = before + value
			}
		}
		starts = append(starts, start)
	}
	return starts, nil
}

// readXargs reads options as GNU xargs does, of those that are understood: letters may be joined, a value may stand in the
// same word.
func readXargs(words []string) (xargsCall, error) {
	call := xargsCall{always: true}
	for len(words) > 0 && strings.HasPrefix(words[0], "-") && words[0] != "-" {
		used, err := call.option(words)
		if err != nil {
			return call, err
		}
		words = words[used:]
	}
	if call.grouped && call.replace != "" {
		return call, fmt.Errorf("xargs takes either -I or one of -n and -L")
	}
	if call.command = words; len(words) == 0 {
		call.command = []string{"echo"}
	}
	return call, nil
}

func (call *xargsCall) option(words []string) (int, error) {
	option := words[0]
	for i := 1; i < len(option); i++ {
		letter := option[i]
		switch letter {
		case '0':
			call.nul = true
			continue
		case 'r':
			call.always = false
			continue
		}
		value, used := option[i+1:], 1
		if value == "" && len(words) > 1 {
			value, used = words[1], 2
		}
		switch {
		case strings.IndexByte("nPL", letter) >= 0 && digits(value) && len(value) <= 9:
			call.grouped = call.grouped || letter != 'P'
			if letter == 'n' {
				call.most, _ = strconv.Atoi(value) // 0 is refused by xargs
			} else if letter == 'L' {
				call.most = 0 // the last of the two holds
			}
		case letter == 'd' && value != "" && len(value) <= 8:
			call.nul = false // the last of the two holds
		case letter == 'I' && value != "":
			call.replace, call.always = value, false
		default:
			return 0, fmt.Errorf("xargs' option %q is not understood", option)
		}
		return used, nil
	}
	return 1, nil
}
