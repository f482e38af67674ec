package process

import (
	"path"
	"slices"
	"strings"
)

// reading is what is known of whether a command reads its standard input.
type reading int

const (
	mayRead  reading = iota // not known, or a part of it
	readsAll                // to its end
	readsNot                // its words name files, and none of them is its input
)

// usage is how a program's words are told apart.
type usage struct {
	flags  string // options without a value
	values string // options with one
	first  int    // words that are no files, before those that are
	script string // options in whose place the first of those is
	suffix string // options that have what stands behind them in the same word
	drains bool   // without files it reads its input to the end
	never  bool   // its words are no files that it reads
}

// usages are of programs that read files or their input. An option that is not here makes the whole command unknown.
var usages = map[string]usage{
	"cat": {flags: "AbeEnstTuv", drains: true}, "wc": {flags: "clLmw", drains: true}, "rev": {drains: true}, "tac": {flags: "br", values: "s", drains: true},
	"md5sum": {flags: "btz", drains: true}, "sha1sum": {flags: "btz", drains: true}, "sha256sum": {flags: "btz", drains: true}, "sha512sum": {flags: "btz", drains: true},
	"sort": {flags: "bdfgiMhnRrVsuz", values: "kotST", drains: true}, "cut": {flags: "nsz", values: "bcdf", drains: true}, "nl": {flags: "p", values: "bdfhilnsvw", drains: true},
	"paste": {flags: "sz", values: "d", drains: true}, "fold": {flags: "bs", values: "w", drains: true}, "base64": {flags: "di", values: "w", drains: true},
	"od": {flags: "abcdfiloOsvx", values: "ANjtw", drains: true}, "uniq": {flags: "cdDiuz", values: "fsw", drains: true}, "cksum": {drains: true},
	"tr": {flags: "cCdst", drains: true, never: true}, "tee": {flags: "ai", drains: true, never: true},
	"head": {flags: "qvz0123456789", values: "cn"}, "tail": {flags: "qvz0123456789", values: "cn"},
	"grep": grepping, "egrep": grepping, "fgrep": grepping,
	"sed": {flags: "nErsuz", values: "ef", suffix: "i", first: 1, script: "ef"}, "awk": {values: "Fvf", first: 1, script: "f"},
	"jq": {flags: "rceMSsj", first: 1},
}

var grepping = usage{flags: "EFGPivwxclLoqsnhHbaIzU", values: "efmABC", first: 1, script: "ef"}

// blindTo says that a command never reads its input, whatever its words name.
func blindTo(args []string) bool { return blind[path.Base(args[0])] && !slices.Contains(args, "-") }

// blind are programs that never read their input, but for a word that is "-".
var blind = map[string]bool{
	"basename": true, "chmod": true, "chown": true, "cmp": true, "comm": true, "df": true, "diff": true, "dirname": true, "du": true, "false": true, "getent": true, "hostname": true, "id": true, "join": true,
	"ln": true, "ls": true, "mkdir": true, "mktemp": true, "nproc": true, "printenv": true, "ps": true, "pwd": true, "readlink": true, "realpath": true,
	"rmdir": true, "seq": true, "sleep": true, "stat": true, "touch": true, "true": true, "uname": true, "uptime": true, "which": true, "whoami": true, "yes": true,
}

// readingOf judges a command by its words.
func readingOf(args []string) reading {
	u, known := usages[path.Base(args[0])]
	if !known {
		if readsNothing(args) {
			return readsNot
		}
		return mayRead
	}
	operands, ok := u.operands(args[1:])
	switch {
	case !ok:
		return mayRead
	case len(operands) == 0 || u.never:
		if u.drains {
			return readsAll
		}
		return mayRead
	}
	for _, name := range operands {
		if name == "-" || strings.HasPrefix(name, "/dev/") && name != "/dev/zero" && name != "/dev/null" && name != "/dev/urandom" || strings.HasPrefix(name, "/proc/") || strings.Contains(name, "=") {
			return mayRead
		}
	}
	return readsNot
}

// operands are the words that name files.
func (u usage) operands(words []string) (files []string, ok bool) {
	first := u.first
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			files = append(files, words[i+1:]...)
			i = len(words)
		case strings.HasPrefix(word, "--"):
			return nil, false
		case word == "-" || !strings.HasPrefix(word, "-"):
			files = append(files, word)
		default:
			takes, script, known := u.option(word[1:])
			if !known {
				return nil, false
			}
			if script {
				first = 0
			}
			if takes {
				i++
			}
		}
	}
	if len(files) < first {
		return nil, false
	}
	return files[first:], true
}

// option reads the letters behind one "-": whether the next word is a value of it, and whether it stands for the first operand.
func (u usage) option(letters string) (takes, script, known bool) {
	for i, c := range letters {
		switch {
		case strings.ContainsRune(u.suffix, c):
			return false, false, true
		case strings.ContainsRune(u.values, c):
			return i == len(letters)-1, strings.ContainsRune(u.script, c), true
		case !strings.ContainsRune(u.flags, c):
			return false, false, false
		}
	}
	return false, false, true
}
