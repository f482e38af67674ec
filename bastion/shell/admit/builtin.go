package admit

import (
	"strconv"
	"strings"
)

// judges are the builtins whose words matter. Each gets the words after the name, and says which of them is at fault.
var judges map[string]func(args []argument, in Place) (rule, int)

func init() {
	judges = map[string]func([]argument, Place) (rule, int){
		"set": judgeSet, "shopt": judgeShopt, "trap": judgeTrap, "read": judgeRead, "mapfile": judgeMapfile, "readarray": judgeMapfile,
		"printf": judgePrintf, "echo": judgeEcho, "test": judgeTest, "[": judgeTest, "cd": judgeCD, "exec": judgeExec, "unset": judgeUnset,
		"kill": judgeKill, "wait": judgeWait, "type": judgeType, "command": judgeCommand, "builtin": judgeBuiltin, "alias": judgeAlias,
		"shift": judgeCount, "break": judgeLoops, "continue": judgeLoops, "return": judgeCount, "exit": judgeCount, "umask": judgeUmask, "pwd": judgePwd,
		"getopts": judgeGetopts, "hash": judgeHash, "pushd": judgeFolders, "popd": judgeFolders, "dirs": judgeFolders, "export": judgeDeclare, "declare": judgeDeclare,
	}
}

// option says whether a word is one.
func option(a argument) bool { return a.known && len(a.text) > 1 && a.text[0] == '-' && a.text != "--" }

// options judges the options at the beginning of words: of plain, or of valued with a value. It says where what follows begins.
func options(args []argument, plain, valued string, r rule) (rule, int) {
	for i := 0; i < len(args); i++ {
		if !option(args[i]) {
			if args[i].known && args[i].text == "--" {
				return fine, i + 1
			}
			return fine, i
		}
		letters := args[i].text[1:]
		for j := range len(letters) {
			if strings.IndexByte(valued, letters[j]) >= 0 {
				if j == len(letters)-1 {
					i++
				}
				break
			}
			if strings.IndexByte(plain, letters[j]) < 0 {
				return r, i
			}
		}
	}
	return fine, len(args)
}

func judgeSet(args []argument, _ Place) (rule, int) {
	if len(args) == 0 {
		return listing, -1
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !a.known || a.text == "--" || a.text == "" || a.text[0] != '-' && a.text[0] != '+' {
			return fine, 0
		}
		if len(a.text) == 1 {
			return setOption, i
		}
		for j := 1; j < len(a.text); j++ {
			if a.text[j] == 'o' {
				if i++; i == len(args) {
					return listing, i - 1
				}
				if args[i].known && !strings.Contains(" allexport errexit noglob nounset xtrace pipefail ", " "+args[i].text+" ") {
					return setOption, i
				}
			} else if strings.IndexByte("aefuxE", a.text[j]) < 0 {
				return setOption, i
			}
		}
	}
	return fine, 0
}

func judgeShopt(args []argument, _ Place) (rule, int) {
	set := false
	for i, a := range args {
		switch {
		case option(a) && (a.text == "-s" || a.text == "-u"):
			set = true
		case option(a):
			return shoptOption, i
		case a.known && !strings.Contains(" dotglob globstar nullglob extglob ", " "+a.text+" "):
			return shoptOption, i
		}
	}
	if !set {
		return listing, -1
	}
	return fine, 0
}

func judgeTrap(args []argument, in Place) (rule, int) {
	if len(args) > 0 && args[0].known && args[0].text == "--" {
		r, i := judgeTrap(args[1:], in)
		return r, i + 1
	}
	if len(args) == 0 || option(args[0]) {
		return listing, -1
	}
	first := min(1, len(args)-1)
	for i, a := range args[first:] {
		if a.known && !Trapped(a.text, in) || a.known && a.text != "EXIT" && a.text != "0" && first == 1 && args[0].known && args[0].text == "" {
			return trapSignal, i + first
		}
	}
	return fine, 0
}

// Trapped says whether a name of trap's is one that is read: EXIT, and outside of prompts the signals that end a shell. Their text never
// runs: what ends a shell from outside ends it at once, and it is not let send one to itself.
func Trapped(name string, in Place) bool {
	switch strings.TrimPrefix(name, "SIG") {
	case "EXIT", "0":
		return name == "EXIT" || name == "0"
	case "HUP", "INT", "QUIT", "TERM":
		return !in.Prompt
	case "1", "2", "3", "15":
		return !in.Prompt && !strings.HasPrefix(name, "SIG")
	}
	return false
}

func judgeRead(args []argument, in Place) (rule, int) {
	if in.Sh {
		return options(args, "r", "", notSh)
	}
	return options(args, "rs", "adntp", readOption)
}

func judgeMapfile(args []argument, _ Place) (rule, int) {
	return options(args, "t", "d", mapfileOption)
}

func judgeCD(args []argument, _ Place) (rule, int) {
	return options(args, "L", "", cdOption)
}

func judgePwd(args []argument, _ Place) (rule, int) { return options(args, "LP", "", cdOption) }

func judgeExec(args []argument, _ Place) (rule, int) { return options(args, "", "", execOption) }

func judgeUnset(args []argument, _ Place) (rule, int) {
	r, n := options(args, "vf", "", unsetOption)
	for i := n; r == fine && i < len(args); i++ {
		if args[i].known && unassigned[args[i].text] != fine {
			return unassigned[args[i].text], i
		}
	}
	return r, n
}

func judgeKill(args []argument, _ Place) (rule, int) {
	for i, a := range args {
		if a.known && (a.text == "-l" || a.text == "-L" || strings.HasPrefix(a.text, "%")) {
			return killJob, i
		}
	}
	return fine, 0
}

func judgeWait(args []argument, _ Place) (rule, int) {
	for i, a := range args {
		if option(a) || a.known && strings.HasPrefix(a.text, "%") {
			return waitOption, i
		}
	}
	return fine, 0
}

func judgeType(args []argument, _ Place) (rule, int) { return options(args, "tpP", "", typeOption) }

func judgeHash(args []argument, _ Place) (rule, int) {
	if len(args) == 0 {
		return listing, -1
	}
	return options(args, "r", "", hashOption)
}

// judgeCommand judges what stands behind command too.
func judgeCommand(args []argument, in Place) (rule, int) {
	if len(args) > 0 && args[0].known && args[0].text == "-v" {
		return fine, 0
	}
	r, n := options(args, "p", "", commandOption)
	if r != fine || n >= len(args) {
		return r, n
	}
	r, i := builtin(args[n:], in)
	return r, n + i
}

func judgeBuiltin(args []argument, in Place) (rule, int) {
	if len(args) == 0 {
		return fine, 0
	}
	return builtin(args, in)
}

func judgeAlias(args []argument, _ Place) (rule, int) { return aliases, -1 }

func judgeDeclare(args []argument, _ Place) (rule, int) { return declareCalled, -1 }

// judgeCount judges a number, if there is one.
func judgeCount(args []argument, _ Place) (rule, int) {
	if len(args) > 1 {
		return tooMany, 1
	}
	if len(args) == 1 && args[0].known {
		if _, err := strconv.ParseUint(args[0].text, 10, 31); err != nil {
			return countNumber, 0
		}
	}
	return fine, 0
}

func judgeLoops(args []argument, in Place) (rule, int) {
	if len(args) == 1 && args[0].known && args[0].text == "0" {
		return countNumber, 0
	}
	return judgeCount(args, in)
}

func judgeUmask(args []argument, _ Place) (rule, int) {
	for i, a := range args {
		if a.known && (len(a.text) > 4 || strings.Trim(a.text, "01234567") != "" || a.text == "") {
			return umaskSymbolic, i
		}
	}
	return fine, 0
}

func judgeFolders(args []argument, _ Place) (rule, int) {
	for i, a := range args {
		if a.known && len(a.text) > 1 && (a.text[0] == '-' || a.text[0] == '+') {
			return folderOption, i
		}
	}
	return fine, 0
}

func judgeGetopts(args []argument, _ Place) (rule, int) {
	if len(args) < 2 {
		return tooMany, -1
	}
	return fine, 0
}
