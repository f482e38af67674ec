package main

import (
	"fmt"
	"strings"
)

// wide is a statement for a corner that the plain grammar seldom comes to: each of its makers stands for one part of the language.
func (g *gen) wide() string {
	return g.pick(g.heredoc, g.functions, g.fall, g.sparse, g.cut, g.fields, g.reading, g.formats, g.errexit, g.traps, g.pipes,
		g.joined, g.matched, g.reckon, g.braces, g.tildes, g.odd, g.behind, g.redirected, g.inner2, g.sourced, g.errexitDeep, g.counted)
}

func (g *gen) pick(makers ...func() string) string { return makers[g.IntN(len(makers))]() }

// heredoc is a here-document in each place where one may stand.
func (g *gen) heredoc() string {
	body := ""
	for range 1 + g.IntN(3) {
		body += g.of("", "\t", "\t\t") + g.of("$x", "${y:-none}", "a $((n+1)) b", "$(echo in; echo two)", "`echo q`", `\$x \\ \" "$x"`, "'$x'", "${a[*]}", "  lead  ", "${x#a}", "$1|$#", "tab\there", `end\\`, "é*") + "\n"
	}
	end := g.of("E", "'E'", `"E"`, `\E`, "E")
	op := g.of("<<", "<<-")
	close := g.of("", "") + "E"
	if op == "<<-" {
		close = g.of("", "\t") + "E"
	}
	return g.of(
		"cat "+op+end+"\n"+body+close,
		"cat "+op+end+g.of(" | sort", " > o1", " | tr a-z A-Z; echo $?", " && echo ok")+"\n"+body+close,
		"while "+g.of("IFS= read -r l", "read l", "IFS=: read -r l y", "read -r l y")+"; do echo \"<$l|$y>\"; done "+op+end+"\n"+body+close,
		"x=$(cat "+op+end+"\n"+body+close+"\n); echo \"[$x]\"",
		"f() { cat "+op+end+"\n"+body+close+"\n}; f "+g.words(),
		"{ read -r x; read -r y; } "+op+end+"\n"+body+close+"\necho \"$x/$y\"",
		g.of("bash", "sh")+" "+g.of("-s p q", "")+" "+op+end+"\necho \"$1 $x\"\n"+close,
		"mapfile -t a "+op+end+"\n"+body+close+"\nprintf '<%s>' \"${a[@]}\"; echo",
	)
}

// functions are in each other, with locals and returns.
func (g *gen) functions() string {
	local := g.of("local x=in", "local x", "local x y=2", "local -a a=(l m)", "local -r z=1", `local x="$1"`, "local x=$x", "local n=$((n+1))", "local -A m=([\"k\"]=v)", ":")
	leave := g.of("return 3", "return", "return $#", "return $((1+1))", "false", "true", "[ -z \"$x\" ]", "((0))", "echo out \"$x\"")
	call := g.of("g "+g.words(), "g; echo \"r $?\"", "x=$(g a); echo \"$? $x\"", "g && echo y || echo n", "if ! g; then echo neg; fi", "(g)", "g | cat", "g \"$@\"")
	return "f() {\n" + local + "\ng() { " + g.of("local x=g; ", "x=set; ", "local y; y=$x; ", "") + g.list() + "; " + leave + "; }\n" + call + "\necho \"f $x $y ${a[*]} $#\"\n" + g.of(leave, g.list()) + "\n}\n" +
		g.of("f "+g.words(), "f a b; echo \"$? $x\"", "x=$(f); echo \"$? [$x]\"", "f | sort", "for i in 1 2; do f $i || break; done", "until f; do break; done", "f() { echo again; }; f", "unset -f f; f") + g.of("", "", "; type -t g", "; echo \"$x|$y\"")
}

// fall is a case whose branches go on.
func (g *gen) fall() string {
	s := "case " + g.of(`"$x"`, "$x", "abc", "a.t", `"$1"`, "$(echo b)", "-n", "''", "$n") + " in\n"
	for range 1 + g.IntN(4) {
		s += g.of("", "(") + g.pattern() + g.of("", "", " | "+g.pattern()) + ") " + g.of("echo "+g.word(), "x=$x.", "false", "echo c; (exit 3)", "") + g.of(";;", ";&", ";;&", "\n;;") + "\n"
	}
	return s + g.of("*) echo rest $?\n", "*) ;;\n", "") + "esac" + g.of("", "; echo $?", " | cat", " > o1")
}

// sparse is a list with holes.
func (g *gen) sparse() string {
	s := g.of("a=([3]=x [1]=y)", "a=(p q r s t)", "a=()", "a=(a 'b c' '' d)", "a=([5]=e f)", "a=(*.t)", "a=($x)", `a=("$@")`, "a=({1..4})", "declare -a a=(1 2)")
	for range g.IntN(4) {
		s += "; " + g.of("a[7]=z", "unset 'a[1]'", "a+=(n 'o p')", "a[1]=", "a[n]=k", "a[${#a[@]}]=end", "unset 'a[0]'", `a=("${a[@]}")`, `a=("${a[@]:1}")`, "a[2+1]=m", "unset 'a[-1]'")
	}
	return s + "; " + g.of(
		`echo "${#a[@]}"`, `echo "${!a[@]}"`, `for i in "${!a[@]}"; do echo "$i=${a[$i]}"; done`, `for i in "${a[@]}"; do echo "<$i>"; done`, `echo "${a[@]:1:2}"`, `echo "${a[@]: -2}"`, `echo "${a[*]: -2:1}"`,
		`echo "${a[-1]}"`, `printf '<%s>' "${a[@]/#/x}"`, `printf '<%s>' "${a[@]//a/b}"`, `echo "${a[@]^^}"`, `echo "${a[@]%e}"`, `(IFS=,; echo "${a[*]}")`, `echo ${a[@]}`, `echo "${a}" "$a"`, `echo "${#a[1]}"`,
		`[[ -n ${a[3]} ]] && echo three`, `set -- "${a[@]}"; echo $# "$2"`, `x="${a[*]}"; echo "$x"`, `x=${a[@]}; echo "$x"`, `for ((i=0;i<${#a[@]};i++)); do echo "${a[i]}"; done`, `echo "${a[@]:2}" "${a[@]:0:1}"`,
		`printf '%s\n' "${a[@]}" | sort`, `echo "${a[1]:-none} ${a[9]+set}"`, `[ ${#a[@]} -gt 2 ] && echo many`, `mapfile -t a < <(printf '%s\n' "${a[@]}")`)
}

// cut is a part of a value.
func (g *gen) cut() string {
	off := g.of("0", "1", "2", " -1", " -2", " -5", "(-2)", "n", "$n", "n-1", "1+1", "${#x}", "-0", "9", "0")
	length := g.of("", ":0", ":1", ":2", ":-1", ":-2", ": -1", ":n", ":$n", ":9", ":${#x}")
	return "x=" + g.of("abcdef", "é-ü", "''", "a", `"a b c"`, "'  s'") + "; n=" + g.of("0", "1", "2", "3") + "; " +
		fmt.Sprintf(g.of(`echo "${x:%[1]s%[2]s}"`, `echo ${x:%[1]s%[2]s}`, `set -- a b c d; echo "${@:%[1]s}"`, `set -- a 'b c' d; echo "${@:%[3]s:%[4]s}"`, `a=(p q r s); echo "${a[@]:%[3]s:%[4]s}"`, `a=(pqr stu); echo "${a[1]:%[1]s%[2]s}"`, `y="${x:%[1]s%[2]s}"; echo "<$y>"`, `[[ ${x:%[1]s%[2]s} == a* ]] && echo m`,
			`echo "${#x} ${x:%[1]s%[2]s}"`), off, length, g.of("0", "1", "2", " -1", " -2"), g.of("0", "1", "2"))
}

// fields are what read makes of a line.
func (g *gen) fields() string {
	line := g.of("a:b:c", ":a::b:", "a b  c d", "  a  b ", "a:", "::", "", ` a\ b c`, `a\`, "a, b ,c", "a\tb", ":x y:z ", "a:b:", "'q' \"r\"", "*", "é:ü")
	read := g.of("", "IFS=: ", "IFS=, ", "IFS= ", "IFS=' ' ", "IFS=': ' ", "IFS=$'\\t' ", "IFS=:, ") + "read " + g.of("-r ", "-r ", "") + g.of("a1", "a1 b1", "a1 b1 c1", "a1 b1 c1 d1", "-a a", "", "-r a1 b1", "-n 2 a1", "-d b a1", "-d '' a1")
	show := `; echo "$? <$a1> <$b1> <$c1> <$d1> <$REPLY> ${#a[@]} <${a[0]}> <${a[1]}>"`
	quoted := "'" + strings.ReplaceAll(line, "'", `'\''`) + "'"
	return g.of(read+" <<< "+quoted+show, "printf '%s\\n' "+quoted+" | { "+read+show+"; }", "printf %s "+quoted+" | { "+read+show+"; }", read+" <<E\n"+strings.NewReplacer(`\`, `\\`).Replace(line)+"\nE\n"+show[2:],
		"printf '%s\\n' "+quoted+" l2 > o1; { "+read+"; read -r y; } < o1"+show+"; echo \"$y\"", "x="+quoted+"; "+read+" <<< \"$x\""+show, "x="+quoted+"; "+read+" <<< $x"+show)
}

// reading is a loop that reads lines.
func (g *gen) reading() string {
	body := g.of("echo \"$l\"", "n=$((n+1))", "x=$x$l", "echo \"$l\" | tr a-z A-Z", "cat < a.t", "[ -z \"$l\" ] && continue; echo \"$l\"", "[ \"$l\" = one ] && break", "a+=(\"$l\")", "sh -c 'echo \"$1\"' _ \"$l\"", "printf '%s,' $l", "grep -c \"$l\" in",
		"read -r y; echo \"$l+$y\"", "case $l in *:*) echo colon;; *) echo \"${#l}\";; esac", "head -1 > /dev/null", "cat > /dev/null; echo got", "y=$(echo \"$l\" | wc -c); echo $y", "test -f \"$l\" || echo \"no $l\"", "exit 3", "return 2")
	test := g.of("read -r l", "IFS= read -r l", "read l", "IFS=: read -r l y", "read -r l y", "IFS= read -r l || [ -n \"$l\" ]")
	from := func() (string, string) {
		switch g.IntN(6) {
		case 0:
			return g.of("cat in | ", "printf 'a\\n\\nb' | ", "ls | ", "sort in | ", "echo one | ", "seq 3 | ", "printf '%s\\n' \"$@\" | ", "grep -v two in | ", "find . -name '*.t' | sort | "), ""
		case 1:
			return "", " <<< " + g.of(`"$x"`, `"$(cat in)"`, "$'l1\\nl2'", "one", `"$(printf 'a\n\nb')"`)
		case 2:
			return "", " <<E\n" + g.of("one\ntwo", "$x\n", "a b\n c", "$(cat in)") + "\nE"
		case 3:
			return "", " < in > o1"
		default:
			return "", " < " + g.of("in", "a.t", "b.t", "nope")
		}
	}
	before, behind := from()
	s := before + "while " + test + "; do\n" + body + "\ndone" + behind
	if strings.HasPrefix(behind, " <<E") || g.IntN(3) > 0 {
		return "n=0\n" + s + "\necho \"$? $n ${#a[@]} [$x]\""
	}
	return "n=0\n{ " + s + "; echo \"$? $n\"; cat; }" + g.of("", " < in", " | sort", " <<< z")
}

// formats is a printf of several arguments.
func (g *gen) formats() string {
	f := ""
	for range 1 + g.IntN(3) {
		f += g.of("%s", "%d", "%5s", "%-5s|", "%05d", "%x", "%o", "%X", "%+d", "% d", "%c", "%b", "%q", "%%", "%.2s", "%.1f", "%e", "%g", "%*d", "%-*s", "%.*f", "%i", "%u", "%#x", "%#o", "%5.1f", "%s\\t", "a\\n", "\\x41", "\\101", "%6.3d", "%%%s")
	}
	args := ""
	for range g.IntN(5) {
		args += " " + g.of("1", "-1", "a", "'b c'", "''", "3.7", "010", "0x1f", "\"'a\"", "007", "1e2", "é", "+5", "' 7'", "9223372036854775807", "-9", `'a\tb'`, `'x\cy'`, "%s", "-", "12abc", "$x", `"$@"`, "$n", "--", `"$((n+1))"`)
	}
	return g.of("printf '"+f+"\\n'"+args, "printf \""+f+"\"'\\n'"+args, "printf -v y '"+f+"'"+args+"; echo \"<$y>\"", "printf -- '"+f+"\\n'"+args, "printf '"+f+"\\n'"+args+" | cat", "x=$(printf '"+f+"'"+args+"); echo \"$? <$x>\"", "printf '"+f+"\\n'"+args+" 2>/dev/null; echo $?")
}

// failing is a command that fails, or does not.
func (g *gen) failing() string {
	return g.of("false", "false", "(exit 3)", "true", "((0))", "[[ a == b ]]", "[ 1 -eq 2 ]", "ls nope 2>/dev/null", "! true", "false | true", "true | false", "x=$(false)", "local_=$(exit 4)", "f1", "false || false", "false && true", "true && false", "{ false; }", "(false; echo n)",
		"test -f nope", "grep -q zz in", "echo $(false)", "export x=$(false)", "eval false", "sh -c 'exit 5'", "! false", "cd nope 2>/dev/null", "read z < /dev/null", "for i in 1; do false; done", "if false; then :; fi", "while false; do :; done", "case a in a) false;; esac", "shift 9", "let 0", "return_() { return 4; }; return_", "x=$(false; echo v)", "y=$(true) x=$(false)", "a=($(false))", "unset nope", "command false", "f2 || true", "f2 | cat", "$(false)", "false > o1", ": < in", "nosuch_cmd 2>/dev/null", "[[ a =~ b ]]", "set -- ; [ $# -gt 0 ]", "time_=1 false", "wait", "type nosuch_x > /dev/null 2>&1", "((n++))", "((n))", "printf '%d' x > /dev/null 2>&1")
}

// errexit is set -e in its contexts.
func (g *gen) errexit() string {
	defs := "f1() { " + g.of(g.failing()+"; echo in1", "local x=$(false); echo loc $?", "local x; x=$(false); echo asg", "return 2", g.failing()+"; "+g.failing()+"; echo e1", "(false); echo sub", "set +e; false; echo off", "[ -f nope ] && echo has", "if false; then :; fi; echo i") + "; }\n" +
		"f2() { " + g.of("f1; echo f2", "f1 && echo f2", "f1 || echo f2or", "x=$(f1); echo \"f2 $x\"", "(f1); echo f2", "echo f2; false", "! f1; echo n") + "; }\n"
	at := g.of("%s", "%s || echo or", "%s && echo and", "if %s; then echo y; else echo n; fi", "while %s; do echo w; break; done", "until %s; do echo u; break; done", "! %s", "(%s; echo s)", "{ %s; echo b; }", "x=$(%s; echo c); echo \"$? $x\"", "x=$(%s)", "echo \"$(%s; echo d)\"", "%s | cat", "(%s) || echo r", "{ %s; } && echo g", "f3() { %s; echo f3; }; f3", "f3() { %s; echo f3; }; f3 || echo h",
		"for i in 1 2; do %s; echo $i; done", "case a in a) %s; echo k;; esac", "eval '%s'; echo ev", "echo t | while read l; do %s; echo l; done; echo $?", "%s; echo $?", "true && %s; echo z", "false || %s; echo q", "%s & wait $!; echo bg", "local_=$(%s) true; echo v", "f3() { local x=$(%s); echo \"l $?\"; }; f3", "f3() { local x; x=$(%s); echo \"l $?\"; }; f3", "export x=$(%s); echo e", "a=($(%s)); echo ar", "[[ -n $(%s) ]] && echo cn", "cat <<< $(%s); echo hs", "(set +e; %s; echo off)", "set +e; %s; echo $?; set -e", "if ! %s; then echo neg; fi", "trap 'echo \"T $?\"' EXIT; %s")
	inner := g.of(g.failing(), "f1", "f2", "f2", g.failing()+"; "+g.failing())
	if strings.Contains(inner, "'") && strings.Contains(at, "eval") {
		inner = "f2"
	}
	return "set -e" + g.of("", "", "u", "o pipefail") + "\n" + defs + strings.ReplaceAll(at, "%s", inner) + "\necho after " + g.of("$?", "", "\"$x\"") + "\n" + g.of("set +e", "set +e; set +o pipefail", ":")
}

// errexitDeep puts contexts into each other.
func (g *gen) errexitDeep() string {
	s := g.failing()
	for range 1 + g.IntN(3) {
		s = strings.ReplaceAll(g.of("{ %s\n}", "(%s\n)", "if %s\nthen echo y\nelse echo n\nfi", "{ %s\n} || echo o", "{ %s\n} && echo a", "for i in 1 2; do\n%s\necho $i\ndone", "x=$(%s\n)", "x=$(%s\n) || echo xo", "echo \"<$(%s\n)>\"", "while %s\ndo echo w; break; done", "%s\necho n $?", "g1() { %s\necho g1\n}\ng1", "g1() { %s\necho g1\n}\ng1 || echo go", "! { %s\n}", "{ %s\n} | cat", "case x in x) %s\n;; esac", "{ %s\n} > o1", "{ %s\n} &\nwait $!", "(%s\n) && echo sa || echo so", "set +e\n%s\nset -e"), "%s", s)
	}
	return "f1() { return 1; }; f2() { f1; echo f2; }\n" + g.of("set -e", "set -e", "set -eo pipefail") + "\n" + s + "\necho \"after $? $x\"\n" + g.of("set +e", ":")
}

// traps is what runs at the end, with shells in shells.
func (g *gen) traps() string {
	act := g.of("echo bye", "echo \"t $?\"", "rm -f o1; echo \"gone $x\"", "f9", "echo \"$# $1\"", "cat in | head -1", "(exit 5)", "false", "x=1; echo $x", "echo a; echo b >&2", "")
	s := "f9() { echo \"f9 $?\"; }\ntrap '" + act + "' EXIT\n"
	for range 1 + g.IntN(2) {
		s += g.of("(exit 3)", "(echo sub)", "x=$(echo cap)", "(trap - EXIT; echo c)", g.list(), "f8() { return 4; }; f8", "echo p | cat", "set -e; false", "{ sleep 0; } & wait", "trap 'echo second' EXIT", "trap - EXIT", "exec 2>/dev/null", "bash -c 'trap \"echo inner\" EXIT; exit 6'", "exit 3", "false", "exit", "nosuch_c 2>/dev/null", "cd d") + "\n"
	}
	return s
}

// pipes is a pipeline with statuses.
func (g *gen) pipes() string {
	stage := func() string {
		return g.of("cat", "true", "false", "(exit 3)", "grep a", "grep -q two", "head -1", "tail -1", "sort -r", "{ read x; echo \"$x\"; }", "while read -r l; do echo \"-$l\"; done", "wc -l", "tr a-z A-Z", "sed -n 2p", "f7", "cut -d: -f2", "{ cat; exit 4; }", "tee o1", "nosuch_p 2>/dev/null", "xargs -n1 echo", "sh -c 'cat; exit 2'", "awk '{print NR}'", "if read y; then echo \"y$y\"; fi", "(cat; echo z)", "cat - in", "x=1")
	}
	s := g.of("cat in", "echo a b", "printf 'a\\nb\\n'", "seq 5", "false", "true", "f7", "ls d", "(exit 2)", "yes", "{ echo q; false; }", "cat nope 2>/dev/null", "echo \"$x\"")
	if s == "yes" {
		s += " | head -2"
	}
	for range 1 + g.IntN(3) {
		s += g.of(" | ", " | ", " | ", " |& ") + stage()
	}
	return "f7() { " + g.of("cat", "echo f7; return 3", "head -1", "false", "echo e >&2") + "; }\n" + g.of("", "", "set -o pipefail\n") + g.of("", "! ") + s + g.of("; echo $?", " || echo failed $?", " && echo fine", "\necho $? $x", " > o1; echo $?", " 2>&1 | cat") + g.of("", "\nset +o pipefail")
}

// joined is lists in quotes, with another IFS.
func (g *gen) joined() string {
	set := g.of(`set -- a 'b c' d`, "set --", "set -- ''", "set -- '' ''", `set -- "$x" y`, "set -- '*' a.t", "set -- a:b c:d", "set -- ' a ' b")
	use := g.of(`printf '<%s>' "$@"`, `printf '<%s>' "$*"`, `printf '<%s>' $*`, `printf '<%s>' $@`, `printf '<%s>' "x$@y"`, `printf '<%s>' "$@$@"`, `x="$*"; echo "$x"`, `x=$*; echo "$x"`, `x="$@"; echo "$x"`, `x=$@; echo "$x"`, `for i in "$@"; do echo "<$i>"; done`, "for i; do echo $i; done", `echo "${*:1:2}"`, `echo "${@:2}"`, `printf '<%s>' "${*#a}"`, `printf '<%s>' "${@%b}"`, `printf '<%s>' ${x}`, `a=($*); echo ${#a[@]}`, `a=("$*"); echo ${#a[@]}`, `echo "$#" "${#*}" "${#@}"`, `[ "$*" = "a b c d" ] && echo same`, `case "$*" in *c*) echo has;; esac`, `cat <<< "$*"`, `echo ${1:-no} ${2-none}`, `shift; echo "$*"`, `printf '<%s>' "${@/a/X}"`, `f6() { echo "$# $*"; }; f6 "$@"; f6 $*; f6 "$*"`, `[[ $* == a* ]] && echo m`, `(( $# > 1 )) && echo two`)
	switch g.IntN(4) {
	case 0:
		return set + "; (IFS=" + g.of("':'", "','", "''", "' '", "$'\\n'", "'-+'") + "; " + use + "); echo"
	case 1:
		return "f5() { local IFS=" + g.of("':'", "','", "''", "' '", "$'\\n'") + "; " + use + "; }; f5 " + g.words() + "; echo"
	default:
		return set + "; " + use + "; echo"
	}
}

// matched is a test of patterns and expressions.
func (g *gen) matched() string {
	subject := g.of("$x", `"$x"`, "abc", "a.t", "'a b'", "$1", "foo123", "2024-01-31", "a*b", "''", "v1.2.3", "é", "/usr/lib/x.so", "$y")
	pattern := g.of("a*", "*b*", "?bc", "[a-f]*", "*.t", "[!a]*", `"a*"`, `a\*b`, "$y", `"$y"`, "*[0-9]", "[[:digit:]]*", "*/*", "@(a|b)*", "+([0-9])", "!(abc)", "*(a|b)c", "?(a)bc", "''", "[]a]*", "v[0-9].*", "*\\ *", "[a-c][!x]?")
	regex := g.of("^[a-z]+$", "[0-9]+", "^([a-z]+)([0-9]+)$", "(.)(.)", "^v([0-9]+)\\.([0-9]+)", "^$", "a|b", "^a.c$", "[[:space:]]", "^[^/]+$", "\\.so$", "^([0-9]{4})-([0-9]{2})", "(a)?b", "^(foo|bar)", "$y", "b*", "^\"a\"", "x+?", "[.]t", "^ab?c")
	test := g.of("[[ "+subject+" "+g.of("==", "=", "!=")+" "+pattern+" ]]", "[[ "+subject+" =~ "+regex+" ]]", "[[ "+subject+" "+g.of("<", ">", "-eq", "-lt", "==")+" "+g.of("b", "5", "$n", "''")+" ]]", "[[ -n "+subject+" && "+subject+" == "+pattern+" ]]", "[[ ! ( "+subject+" == "+pattern+" || -z $x ) ]]")
	return test + g.of("; echo $?", " && echo y || echo n", "; echo \"$? ${BASH_REMATCH[0]}|${BASH_REMATCH[1]}|${BASH_REMATCH[2]}\"", "; echo ${#BASH_REMATCH[@]}") + g.of("", "", "; if "+test+"; then echo t; fi")
}

// reckon is arithmetic with every operator and base.
func (g *gen) reckon() string {
	n := func() string {
		return g.of("1", "2", "3", "5", "10", "0", "-1", "n", "k", "$n", "$k", "(n+1)", "0x1F", "010", "2#101", "16#ff", "36#z", "64#@", "8#17", "~n", "!k", "-n", "+k", "${#x}", "1<<3", "n**2", "(k?n:2)", "1000000007", "$#")
	}
	op := func() string {
		return g.of("+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^", "&&", "||", "<", "<=", ">", ">=", "==", "!=", ",")
	}
	e := n()
	for range g.IntN(4) {
		sp := g.of("", " ")
		e += sp + op() + sp + n()
	}
	set := g.of("k=", "k+=", "k-=", "k*=", "k/=", "k%=", "k<<=", "k>>=", "k&=", "k|=", "k^=") + n()
	inc := g.of("n++", "++n", "n--", "--n")
	return "n=" + g.of("0", "1", "2", "7", "-3", "12") + "; k=" + g.of("1", "4", "0", "-2", "255") + "; " + g.of("echo $(("+e+"))", "(("+e+")); echo $?", "echo $(("+set+")) $k", "(("+set+")); echo \"$? $k\"", "echo $(("+inc+" + k)) $n", "(("+inc+")) && echo y; echo $n", "x=$(("+e+")); echo $x", "echo $(("+n()+" ? "+e+" : "+n()+"))", "let 'k="+strings.ReplaceAll(e, "'", "")+"'; echo $k", "if (("+e+")); then echo t; fi", "for ((i="+n()+"; i<"+g.of("3", "n", "k")+"; i+=2)); do echo $i; ((i>20)) && break; done", "a[$(("+g.of("n&3", "k&1", "1+1")+"))]=v; echo ${!a[@]}", "echo $((("+e+")*("+e+")))", "printf '%d\\n' $(("+e+"))", "[ $(("+e+")) -gt "+n()+" ]; echo $?", "echo \"$(( "+e+" ))$(( "+inc+" ))\"", "((k="+e+", n="+n()+")); echo $k $n")
}

// braces is a brace expansion in each form.
func (g *gen) braces() string {
	w := func() string {
		return g.of("{a,b}", "{a,b,c}{1,2}", "x{a,}y", "{1..5}", "{5..1}", "{1..10..3}", "{01..10..4}", "{a..e}", "{e..a..2}", "{-2..2}", "{a,b{1,2},c}", "{a}", "{}", "{a,b", "a,b}", "{a..}", "{1..a}", `{"a b",c}`, "{$x,$y}", `"{a,b}"`, `\{a,b}`, "{a,'b,c'}", "{a,b}.t", "pre{1,2}post", "{{a,b},c}", "{,x}", "a{1..3}{x,y}", "$n{a,b}", "${n}{a,b}", "{x,~}", "{*.t,q}", "{$((1+1)),b}", "{a,b}=c", "{1..3}$x", "{00..3}", "{3..1..-1}", "{a,\\,}", "{$(echo a),b}")
	}
	return g.of("echo "+w(), "echo "+w()+" "+w(), "for i in "+w()+"; do echo \"<$i>\"; done", "a=("+w()+"); echo ${#a[@]} \"${a[@]}\"", "x="+w()+"; echo \"$x\"", "printf '<%s>' "+w()+"; echo", "touch "+g.of("z{1,2}", "{u,v}.q", "{1..3}.n")+"; ls", "set -- "+w()+"; echo $#", "case "+w()+" in {a,b}) echo lit;; *) echo other;; esac", "[[ "+w()+" == {* ]] && echo y", "cat {a,b}.t", "echo "+w()+" | wc -w", "mkdir -p "+g.of("p/{q,r}", "{s,t}/u")+" && find p s t 2>/dev/null | sort")
}

// tildes is a tilde where it is expanded and where it is not.
func (g *gen) tildes() string {
	w := g.of("~", "~/d", "~/", `"~"`, `\~`, "a~", "~root", "~nosuchuser", "x=~", "x=~/d", "--p=~/d", "~:~", "'~'/d", "~$x", `~"/d"`, "a:~", "~/*.t", "~/{a,b}.t", "${nope:-~}", "${x+~/q}", "~\\/d", "-~", "~/no such")
	return g.of("echo "+w, "y="+w+"; echo \"$y\"", "cd "+g.of("~", "~/d", "~/d/e")+" && pwd", "ls ~/d", "[ -d "+g.of("~", "~/d", `"~"`)+" ] && echo dir", "x=~:~/d:z; echo $x", "case ~ in \"$HOME\") echo home;; esac", "[[ ~/d == \"$HOME\"/d ]] && echo same", "export y="+w+"; sh -c 'echo \"$y\"'", "for i in "+w+"; do echo \"$i\"; done", "a=("+w+" ~/d); echo \"${a[@]}\"", "cat < ~/in | head -1", "echo q > ~/o1; cat o1", "HOME=/tmp; echo ~ ~/x", "(HOME=; echo ~)", "y=~/d z=~ sh -c 'echo $y $z'", "echo ~+ ~-", "readonly q=~/d; echo $q", "source ~/lib.sh", "PATH=~/d:$PATH; echo ${PATH%%:*}", "echo \"${HOME}\" ~")
}

// odd is names that few expect.
func (g *gen) odd() string {
	glob := g.of("*", "*.q", "s*", "[[]*", "*' '*", `*\**`, "-*", "?*", "*[0-9]*", ".*q", "*.[qr]", "sp*.q", "*é*", "*/", "../odd/*", "./*", `"sp ace.q"`, "n*", "[a-z]*", "*a*e*", "*.none", "$x", `"$x"`, "*[!q]", "*\\ *", "[[:alpha:]]*", "[[:punct:]]*", "*$x*", `"$x"*`, "*,*")
	return "cd odd; x=" + g.of("'*'", "'sp ace.q'", "'s*'", "'*.q'", "'[x].q'", "'-dash'", "''", "'a b'", "'nope*'") + "; " + g.of("printf '<%s>' "+glob+"; echo", "for i in "+glob+"; do echo \"[$i]\"; done", "ls -d -- "+glob, "a=("+glob+"); echo ${#a[@]}", "echo "+glob+" | wc -c", "cat -- "+glob+" 2>/dev/null", "[ -e "+glob+" ] && echo e", "set -- "+glob+"; echo \"$# $1\"", "for i in "+glob+"; do [ -f \"$i\" ] && wc -c < \"$i\"; done", "rm -f -- "+glob+"; ls", "case sp in "+glob+") echo c;; esac", "[[ 'sp ace.q' == "+glob+" ]]; echo $?", "cp -- "+glob+" ../d/ 2>/dev/null; ls ../d", "find . -type f | sort | while IFS= read -r f; do echo \"{$f}\"; done", "y="+glob+"; echo $y; echo \"$y\"", "echo $x; echo \"$x\"; echo ${x}*", "set -f; echo "+glob+"; set +f", "shopt -s nullglob; echo "+glob+"; shopt -u nullglob", "shopt -s dotglob; echo "+glob+"; shopt -u dotglob", "ls | while read -r l; do echo \"$l\"; done", "cat < "+g.of(`"$x"`, "$x", "-dash", "sp\\ ace.q", "'star*.q'"), "echo new > "+g.of(`"$x"`, "$x", `"a b"`, "'*'", "./-w")+"; ls") + "; cd .."
}

// behind is commands that run behind.
func (g *gen) behind() string {
	return g.of("sleep 0.01 & wait $!; echo $?", "(exit 7) & wait $!; echo $?", "false & p=$!; wait $p; echo $?", "{ echo bg; exit 3; } > o1 & wait; echo $?; cat o1", "x=1; { x=2; } & wait; echo $x", "true & p1=$!; (exit 4) & p2=$!; wait $p1; echo $?; wait $p2; echo $?", "f4() { echo f4; return 6; }; f4 > o2 & wait $!; echo $?; cat o2", "(sleep 0.01; echo late > o1) & wait; cat o1", "for i in 1 2; do (echo $i > o$i) & done; wait; cat o1 o2", "sh -c 'exit 9' & wait $! || echo \"w $?\"", "wait; echo $?", "cat in > o1 & wait $!; wc -l < o1", "p=; for i in 1 2; do (exit $i) & p=\"$p $!\"; done; for i in $p; do wait $i; echo $?; done", "echo a | cat > o1 & wait; cat o1", "sleep 5 & kill $!; wait $! 2>/dev/null; echo $?", "sleep 5 & p=$!; kill -9 $p; wait $p 2>/dev/null; echo $?", "set -e; false & wait $! || echo caught; set +e", "nosuch_b 2>/dev/null & wait $!; echo $?", "if wait $!; then echo y; fi", "exit_=$( (exit 3) & wait $!; echo $?); echo $exit_", "[ -n \"$!\" ] && echo has", "{ cat; } < in > o1 & wait; cat o1", "true && false & wait $!; echo $?", "kill -0 $$ && echo alive", "sleep 0 & wait $! && echo ok", "(wait; echo inner)", "wait 99999; echo $?", "timeout 0.05 sleep 3; echo $?")
}

// redirected is exec and compound redirections.
func (g *gen) redirected() string {
	return g.of("(exec > o1; echo in; ls d); cat o1", "(exec < in; read x; echo \"$x\"; cat)", "(exec 2> e1; ls nope; echo k >&2); cat e1 | wc -l", "(exec > o1 2>&1; echo a; nosuch_e); wc -l < o1", "exec 2>/dev/null", "exec < in; read -r x; echo \"$x\"", "exec > o1", "exec >> o1; echo more", "(exec echo replaced; echo never)", "(exec false); echo $?", "(exec nosuch_x; echo no) 2>/dev/null; echo $?", "exec cat in", "{ echo o; echo e >&2; } > o1 2> e1; cat o1 e1", "{ echo o; echo e >&2; } 2>&1 | sort", "{ echo o; echo e >&2; } > o1 2>&1; cat o1", "{ echo o; echo e >&2; } &> o1; wc -l < o1", "f3() { echo o; echo e >&2; } > o1; f3 2>/dev/null; cat o1", "for i in 1 2; do echo $i; done > o1 2>&1; cat o1", "if read x; then echo \"$x\"; cat; fi < in", "echo a > o1; echo b >> o1; cat o1", "echo a > o1 > o2; ls", "cat < in < a.t", "> o1; ls -s o1 | cut -c1", ": > o1", "echo x >| o1; cat o1", "echo x 1>&2 2>/dev/null", "ls nope 2>&1 >/dev/null | wc -l", "cat < nope || echo no", "echo hi > nodir/x || echo \"no $?\"", "x=v > o1; echo $x", "while read l; do echo $l; done < in > o1; tail -1 o1", "echo 'a b' > \"o 1\"; cat \"o 1\"", "f=o9; echo q > $f; cat $f", "f='o 9'; echo q > \"$f\"; ls o*", "cat 0< in | head -1", "(echo s) > o1; (cat) < o1", "case a in a) echo c;; esac > o1; cat o1", "echo v > /dev/stderr", "echo v > /dev/stdout | cat", "cat /dev/null; cat < /dev/null", "echo $(< in)", "x=$(< nope); echo \"$? $x\"", "{ head -1; cat; } < a.t", "echo a > o1 && cat < o1 > o2; cat o2", "cat in > in; wc -c < in", "echo z >> new; cat new", "sort < in > o1; head -1 o1", "echo err >&2 2>/dev/null", "! cat < nope; echo $?", "true > nodir/x; echo $?", "{ true; } > nodir/x; echo $?", "f2() { cat; }; f2 < in | wc -l", "f2() { read x; echo \"$x\"; }; f2 <<< \"$x\"", "cd d > /dev/null; pwd | sed 's|.*/||'; cd ..")
}

// inner2 is shells in shells with words of their own.
func (g *gen) inner2() string {
	text := g.of(`echo "$0 $1 $#"`, `echo "$@"`, `for i in "$@"; do echo "<$i>"; done`, `x=in; echo $x`, `exit 3`, `echo "$x"`, `shift; echo $1`, `cat`, `read l; echo "$l"`, `set -e; false; echo no`, `echo $((1+1))`, `cd d; ls`, `false || echo or`, `f() { echo f $1; }; f "$2"`, `trap "echo t" EXIT; exit 2`, `echo ${1:-none}`, `[ "$1" = a ] && echo is`, `export q=1; env | grep ^q=`, `nosuch_i; echo $?`, `echo "a\\b"`, `printf "%s\n" "$*"`, `kill -9 $$`, `case $1 in a) echo A;; *) echo other;; esac`, `set -- p q; echo $2`, `echo $y > o1`, `umask`, `sh -c "echo deep \$1" _ z`, `if [ $# -eq 0 ]; then echo none; fi`, `return 1`, `echo $PPID | wc -l`)
	shell := g.of("sh", "bash", "bash", "sh -e", "bash -e", "bash -u", "bash -x", "bash -eu", "sh -x", "bash -o pipefail", "env bash", "timeout 5 sh")
	args := g.of("", " _", " _ a", " name a 'b c'", ` _ "$x" y`, ` _ "$@"`, " a b c d", " -- -x", " _ ''", " _ *.t", " '' 1")
	return g.of("", "x=out; ", "export x=ex; ", "x=pre ", "set -- u v; ") + shell + " -c '" + text + "'" + args + g.of("", "; echo $?", " < in", " | cat", " && echo ok", " > o1", " 2>&1", " || echo bad $?", " <<< 'l 1'")
}

// sourced is source and eval, with words.
func (g *gen) sourced() string {
	return g.of(". ./lib.sh", ". ./lib.sh a 'b c'", "source ./lib.sh p; echo \"$y $#\"", "set -- u v; . ./lib.sh; echo \"$1 $#\"", "set -- u v; . ./lib.sh q; echo \"$1 $#\"", "f() { . ./lib.sh \"$@\"; echo \"f $y\"; }; f 1 2 3", "(. ./lib.sh); echo \"$y\"", "x=$(. ./lib.sh z); echo \"$x\"", ". ./nope.sh; echo $?", "source ./nope.sh || echo no", "echo 'return 4; echo never' > r.sh; . ./r.sh; echo $?", "echo 'x=src; f() { echo \"sf $1\"; }' > r.sh; . ./r.sh; f a; echo $x", "echo 'echo $1; shift; echo $#' > r.sh; set -- m n; . ./r.sh; echo $#", "echo 'set -e' > r.sh; . ./r.sh; false; echo on", "echo 'cd d' > r.sh; . ./r.sh; pwd | sed 's|.*/||'", "eval \"x=5; y=\\$x\"; echo $y", "eval 'f() { echo ev; }'; f", "eval; echo $?", "eval 'false'; echo $?", "eval 'exit 3'", "eval \"echo '$x'\"", "eval echo \"\\$x\" b", "k=x; eval \"$k=indirect\"; echo $x", "k=x; x=val; echo \"${!k}\"", "eval 'for i in 1 2; do echo $i; done'", "eval 'echo a' | cat", "eval 'x=(1 2)'; echo ${x[1]}", "eval 'return 3'; echo $?", "f() { eval 'return 3'; echo no; }; f; echo $?", "echo 'echo \"$0\" | wc -w' > r.sh; . ./r.sh", "eval set -- 'a \"b c\"'; echo $# \"$2\"", "source lib.sh; echo $?", "echo 'exit 6' > r.sh; (. ./r.sh); echo $?", "echo 'local q=1; echo $q' > r.sh; f() { . ./r.sh; }; f", "echo 'false' > r.sh; set -e; . ./r.sh || echo c; set +e", "bash ./lib.sh a; echo $?", "./run.sh a b; echo $?", "chmod +x lib.sh; ./lib.sh", "sh lib.sh 1 2 3 | cat", "bash < lib.sh", "cat lib.sh | bash -s a b", "sh -s u v < lib.sh")
}

// counted is a loop with break and continue over several loops.
func (g *gen) counted() string {
	leave := g.of("break", "continue", "break 2", "continue 2", "break 1", ":")
	test := g.of("[ $j = 2 ]", "[[ $i$j == 12 ]]", "((j==2))", "[ \"$i\" = \"$j\" ]", "true", "false", "! true")
	in := g.of(test+" && "+leave, "if "+test+"; then "+leave+"; fi", test+" || "+leave, "case $j in 2) "+leave+";; esac", "{ "+test+" && "+leave+"; }", "if "+test+"; then echo l; "+leave+"; fi")
	outer := g.of("for i in 1 2 3; do", "for ((i=1;i<4;i++)); do", "i=0; while ((i<3)); do i=$((i+1));", "i=0; until [ $i -ge 3 ]; do i=$((i+1));", "for i in $(seq 3); do", "i=0; while :; do i=$((i+1)); [ $i -gt 3 ] && break;")
	inner := g.of("for j in 1 2 3; do", "j=0; while [ $j -lt 3 ]; do j=$((j+1));", "seq 3 | while read j; do", "while read -r j; do", "for ((j=1;j<=3;j++)); do")
	end := ""
	if strings.HasPrefix(inner, "while read") {
		end = " <<< $'1\\n2\\n3'"
	}
	return outer + "\n" + inner + "\n" + in + "\necho \"$i$j\"\ndone" + end + g.of("", "; echo \"i $?\"", " || echo bad", "\n"+g.of("[ $i = 2 ] && continue", "[ $i = 2 ] && break", "echo o$i")) + "\ndone" + g.of("", "; echo $?", " | cat", " > o1")
}
