package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gen draws scripts: mostly of what is admitted, with near misses.
type gen struct {
	*rand.Rand
	depth int
}

func (g *gen) of(from ...string) string { return from[g.IntN(len(from))] }

// script is one case's text.
func (g *gen) script() string {
	var b strings.Builder
	if g.IntN(6) == 0 {
		b.WriteString(g.of("set -e", "set -u", "set -o pipefail", "set -euo pipefail", "shopt -s nullglob", "shopt -s extglob", "IFS=:", "IFS=$'\\n\\t'", "IFS=,") + "\n")
	}
	if g.IntN(2) == 0 {
		for range 1 + g.IntN(2) {
			b.WriteString(g.wide() + "\n")
		}
	}
	for range g.IntN(5) {
		b.WriteString(g.stmt() + "\n")
	}
	b.WriteString(`echo "end $? [$x][$y][${a[*]}][$#]"` + "\n")
	return b.String()
}

func (g *gen) block() string {
	var parts []string
	for range 1 + g.IntN(2) {
		parts = append(parts, g.stmt())
	}
	return strings.Join(parts, "\n")
}

// stmt is a statement, compound ones less often the deeper they are.
func (g *gen) stmt() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 3 || g.IntN(3) > 0 {
		return g.list()
	}
	if g.depth <= 2 && g.IntN(2) == 0 {
		return g.wide()
	}
	switch g.IntN(18) {
	case 15, 16, 17:
		return g.idiom()
	case 0:
		return "if " + g.cond() + "; then\n" + g.block() + "\nelse\n" + g.block() + "\nfi" + g.redirs()
	case 1:
		return "for i in " + g.words() + "; do\n" + g.block() + "\n" + g.of("echo \"<$i>\"", "[ \"$i\" = b ] && break", "[[ $i == a* ]] && continue", "x=$x$i") + "\ndone" + g.redirs()
	case 2:
		return "n=0; while [ $n -lt " + g.of("1", "2", "3") + " ]; do\n" + g.block() + "\nn=$((n+1))\ndone" + g.redirs()
	case 3:
		return g.of("cat in", "seq 3", "printf 'a b\\n c\\n'", "echo $x") + " | while " + g.of("", "IFS= ", "IFS=: ") + "read " + g.of("", "-r ") + g.of("l", "x y", "a1 b1 c1") + "; do\n" + g.block() + "\necho \"$l|$x|$y|$a1,$b1\"\ndone"
	case 4:
		return "while read -r l; do\necho \"[$l]\"\n" + g.block() + "\ndone < in"
	case 5:
		return "case " + g.word() + " in\n" + g.pattern() + ") " + g.list() + g.of(";;", ";;", ";&") + "\n" + g.pattern() + " | " + g.pattern() + ") " + g.list() + ";;\n*) echo other;;\nesac" + g.redirs()
	case 6:
		return "f() {\n" + g.of("local x=l", "local y", "") + "\n" + g.block() + "\n" + g.of("return 3", "return", "echo f $# \"$1\"", "shift") + "\n}\nf " + g.words() + g.redirs()
	case 7:
		return "(" + g.block() + "\n)" + g.redirs()
	case 8:
		return "{ " + g.block() + "\n}" + g.redirs()
	case 9:
		return "for ((i=0;i<" + g.of("0", "2", "3") + ";i++)); do\n" + g.block() + "\necho $i\ndone"
	case 10:
		return "cat <<" + g.of("E\n", "'E'\n", "\"E\"\n") + g.of("$x ${y} $((n+1))", "a\\\\b \\$x `echo q`", "\"q\" 'r' $(echo \"s t\")", "${x:-d} ${#x}") + "\n" + g.of("", "line two\n") + "E"
	case 11:
		return g.of("sh", "bash") + " -c '" + strings.ReplaceAll(g.list(), "'", `'\''`) + "' " + g.words()
	case 12:
		return "eval \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(g.list()) + "\""
	case 13:
		return "trap '" + g.of("echo bye", "echo \"t $?\"", "rm -f o1") + "' EXIT"
	default:
		return g.of("", "wait; ") + "{ " + g.list() + "; } & wait $!; echo w $?"
	}
}

func (g *gen) list() string {
	s := g.pipe()
	for g.IntN(4) == 0 {
		s += g.of(" && ", " || ", "; ") + g.pipe()
	}
	return s
}

func (g *gen) pipe() string {
	s := g.of("", "", "", "", "", "! ") + g.simple() + g.redirs()
	for g.IntN(4) == 0 {
		s += " | " + g.of("cat", "sort", "wc -l", "tr a-z A-Z", "sed 's/a/b/'", "head -1", "tail -n 2", "grep -v b", "{ read x; echo \"r $x\"; cat; }", "while read q; do echo \"$q.\"; done", "cut -c1-3", "uniq", "rev", "xargs echo", "awk '{print NF\":\"$1}'")
	}
	return s
}

// simple is a simple command.
func (g *gen) simple() string {
	switch g.IntN(22) {
	case 0, 1, 2:
		return "echo " + g.of("", "", "", "-n ", "-e ") + g.words()
	case 3, 4:
		return "printf " + g.of("'%s\\n'", "'<%s>'", "'%d\\n'", "'%5s|%-5s\\n'", "'%x %o\\n'", "'%b\\n'", "'%q\\n'", "'%03d '", "'%s %s\\n'", "\"%.2s\\n\"", "'%c\\n'", "'%i%%\\n'", "'a\\tb\\n'", "'%.2f\\n'", "'%e\\n'") + " " + g.words()
	case 5, 6:
		return g.of("x", "y") + g.of("=", "=", "=", "+=") + g.word()
	case 7:
		return g.of("a=(", "a+=(") + g.words() + ")"
	case 8:
		return g.of("a[1]=", "a[i]=", "m[k]=", "a[-1]=") + g.word()
	case 9:
		return "(( " + g.arith(2) + " ))"
	case 10:
		return g.cond()
	case 11:
		return g.of("true", "false", ":", "(exit 3)", "test -f in", "sh -c 'exit 4'", "nosuchcmd", "ls nope", "grep -q a in")
	case 12:
		return g.of("read x <<< ", "read -r x y <<< ", "IFS=: read x y <<< ", "read -ra a <<< ", "mapfile -t a <<< ", "IFS=, read -r x y <<< ", "cat <<< ") + g.quoted()
	case 13:
		return g.of("cd d", "cd ..", "cd d/e", "cd nope", "cd - > /dev/null", "cd", "cd d && pwd | sed 's|.*/||'", "pushd d > /dev/null", "popd > /dev/null", "cd .")
	case 14:
		return "set -- " + g.words()
	case 15:
		return g.of("shift", "unset x", "unset 'a[0]'", "unset y a", "export x", "export x="+g.word(), "readonly r=1", "declare -A m=([k]=v [l]=w)", "local z=1", "declare -i n=3", "unset -f f", "set +e", "set -f", "set +f", "umask 077", "hash -r")
	case 16:
		return "x=" + g.word() + " " + g.of("sh -c 'echo \"[$x]\"'", "env | grep ^x=", "eval 'echo $x'", "f")
	case 17:
		return "cat " + g.of("in", "d/f", "nope", "-", "*.t", "in d/f", "< in", "o1 2>/dev/null")
	case 18:
		return g.of("ls", "ls d", "ls *.t", "wc -c < in", "head -1 in", "sort in", "seq 3", "touch new", "rm -f new", "mkdir -p d/g", "cp in o1", "basename a/b", "tr a b < in", "find . -name '*.t' | sort", "date -u -d @0 +%Y")
	case 19:
		return g.of("echo", "printf '%s,'") + " " + g.of("{a,b}", "{1..3}", "x{1,2}y", "{a..c}{1,2}", "{,z}", "{3..1}", "{01..03}", "{a,b", "*.t", "?.t", "[a-b].t", "d/*", "*", "*.none", ".*t", "~", "~/d", "\\*", "'*'", "d/[!f]*", "*/")
	case 20:
		return g.of("command echo ", "builtin echo ", "command -v ", "type -t ", "env echo ", "timeout 5 echo ", "nice echo ", "exec 2>/dev/null; echo ", "let ") + g.of("ls", "cd", "f", "x", "a", "nosuch")
	default:
		return g.of("exit "+g.of("0", "3", "256", ""), "return 2", "break", "continue", "wait", "kill -0 $$", "getopts ab: o -b v", "source ./lib.sh", ". ./lib.sh 1 2", "sh script.sh q", "bash script.sh", "./run.sh z", "echo 'echo $((1+1))' | sh", "bash -s p <<< 'echo $1'")
	}
}

func (g *gen) redirs() string {
	if g.IntN(6) > 0 {
		return ""
	}
	return " " + g.of("> o1", ">> o1", "2>/dev/null", "2>&1", "> /dev/null", "< in", "&> o2", "2> e1", "> o1 2>&1", "2>&1 > o1", ">&2", "< nope", "> nodir/x", "> \"o $x\"", "<<< \"$x\"", "&>> o2", "1> o1", "0< in", "> d/o")
}

func (g *gen) words() string {
	var w []string
	for range g.IntN(4) {
		w = append(w, g.word())
	}
	return strings.Join(w, " ")
}

func (g *gen) word() string {
	s := g.part()
	for g.IntN(4) == 0 {
		s += g.part()
	}
	return s
}

func (g *gen) quoted() string {
	return g.of(`"`+g.inner()+`"`, `"a:b:c"`, `" p  q "`, `'s t'`, `"x,y,"`, `$'l1\nl2'`, `"$x"`, `"\\a b"`)
}

func (g *gen) inner() string {
	s := ""
	for range 1 + g.IntN(3) {
		s += g.of("a", " ", "  b", "*", "'", `\\`, `\$`, "é", "~", g.expand(), g.expand(), "\\n", "%s", "-")
	}
	return s
}

func (g *gen) part() string {
	switch g.IntN(12) {
	case 0, 1, 2:
		return g.of("a", "b", "abc", "12", "7", "-1", "x=y", "a.t", "hello", "08", "-n", "--", "é", "/", "a/b", "q\\ r", "\\a", "1.5", "A", "0x1f", "=", "%d")
	case 3, 4:
		return `"` + g.inner() + `"`
	case 5:
		return g.of("'a b'", "'$x'", "''", `'"'`, `$'a\tb'`, `$'\x41'`, `""`, "'*'", `'\'`)
	case 6, 7, 8:
		return g.expand()
	case 9:
		return "$((" + g.arith(2) + "))"
	case 10:
		return g.of("$(echo p q)", "$(cat in)", "$(echo \"$x\")", "`echo b`", "$(false)", "$(printf 'a\\n\\n')", "$(echo $((1+2)))", "$(f)", "$(cd d; ls)", "$(< in)", `"$(echo "a  b")"`, "$(exit 3)")
	default:
		return g.of("*.t", "?.t", "{a,b}", "~", "[ab].t", "d/*", "*.none")
	}
}

// expand is a parameter expansion.
func (g *gen) expand() string {
	v := g.of("x", "y", "x", "y", "1", "2", "nope", "HOME_", "a[0]", "a[1]", "a[-1]", "m[k]", "n")
	switch g.IntN(16) {
	case 0, 1, 2:
		return g.of("$x", "$y", "$1", "$#", "$?", "$*", "$@", "$n", "${x}", "$nope", "$2", "$i")
	case 3:
		return fmt.Sprintf("${%s%s%s}", v, g.of("-", ":-", "+", ":+", ":=", "="), g.of("d", "a b", "'q r'", "$y", "", `"s  t"`, "~", "*", `\}`))
	case 4:
		return fmt.Sprintf("${%s%s%s}", v, g.of("#", "##", "%", "%%"), g.pattern())
	case 5:
		return fmt.Sprintf("${%s%s%s/%s}", v, g.of("/", "//", "/#", "/%"), g.pattern(), g.of("X", "", "$y", "a b", `\/`, `"q"`))
	case 6:
		return fmt.Sprintf("${%s:%s}", v, g.of("1", "0:2", " -2", "1:1", "0:-1", "n", "n:1", "9", "$((1)):2"))
	case 7:
		return fmt.Sprintf("${%s%s}", v, g.of("^", "^^", ",", ",,"))
	case 8:
		return "${#" + v + "}"
	case 9:
		return g.of("${a[@]}", "${a[*]}", "${#a[@]}", "${!a[@]}", "${a[@]:1}", "${a[@]:0:2}", "${a[@]/a/b}", "${a[@]%.t}", "${m[@]}", "${#m[@]}", "${!x}")
	case 10:
		return g.of(`"${a[@]}"`, `"${a[*]}"`, `"$@"`, `"$*"`, `"x$@y"`, `"${@:2}"`, `"${a[@]:1}"`)
	default:
		return g.of("$x", "$y", `"$x"`, `"$y"`, "${x}", `"${a[0]}"`, "$?")
	}
}

func (g *gen) pattern() string {
	return g.of("a", "*", "?", "a*", "*b", "[ab]", "[!a]*", "[0-9]", "[[:alpha:]]*", "'*'", `\*`, `"$y"`, "$y", "b?", "*.t", "/", "*/", "é", `"a b"`, "[a-c]*", " ", "l")
}

// cond is a condition.
func (g *gen) cond() string {
	switch g.IntN(6) {
	case 0:
		return g.of("[ ", "[ ! ") + g.of("-f in", "-d d", "-e nope", "-z \"$x\"", "-n \"$y\"", "-s in", "-x run.sh", "-r in", "-n $x", "-L in", "-v x") + " ]"
	case 1:
		return "[ " + g.of(`"$x"`, `"$y"`, "a", "$x", `"$1"`) + g.of(" = ", " != ", " == ", " \\< ") + g.word() + " ]"
	case 2:
		return "[ " + g.of("1", "$n", "$#", "5", `"$x"`) + g.of(" -eq ", " -lt ", " -ge ", " -ne ") + g.of("1", "3", "$n", "08", "-2") + " ]"
	case 3:
		return "[[ " + g.of("$x", "abc", "$y", `"$x"`, "$1", "a.t") + g.of(" == ", " != ", " = ") + g.pattern() + " ]]"
	case 4:
		return "[[ " + g.of("$x", "abc", "a1b2", "$y") + " =~ " + g.of("^a", "[0-9]+", "b$", "^(a)(.)", "a|b", "^$", "$y", `"a."`, "[[:digit:]]", "x*") + " ]] && echo \"${BASH_REMATCH[0]}\"" + g.of("", " \"${BASH_REMATCH[1]}\"")
	default:
		return "[[ " + g.of("-n $x", "-z $y", "-f in", "$n -lt 3", "! -d d", "$x < b", "-v x", "a == a") + g.of(" && ", " || ") + g.of("-n $y", "$# -gt 0", "-e d/f", "( a == b || b == b )") + " ]]"
	}
}

func (g *gen) arith(depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.of("1", "2", "0", "7", "n", "$n", "x", "010", "0x1f", "${#x}", "a[0]", "3", "i", "9223372036854775807", "16#ff", "$#", "y")
	}
	switch g.IntN(8) {
	case 0:
		return g.of("-", "!", "~", "+") + " " + g.arith(depth-1)
	case 1:
		return "(" + g.arith(depth-1) + ")"
	case 2:
		return g.of("n=", "n+=", "x=", "n*=", "n-=", "n|=") + g.arith(depth-1)
	case 3:
		return g.of("n++", "++n", "n--", "--n")
	case 4:
		return g.arith(depth-1) + " ? " + g.arith(depth-1) + " : " + g.arith(depth-1)
	default:
		return g.arith(depth-1) + " " + g.of("+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^", "&&", "||", "<", "<=", "==", "!=", ">", ",") + " " + g.arith(depth-1)
	}
}
