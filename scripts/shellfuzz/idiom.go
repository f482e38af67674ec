package main

// idiom is a statement as people write it, with the drawn parts in it.
func (g *gen) idiom() string {
	switch g.IntN(16) {
	case 0:
		return "while getopts " + g.of("ab:", ":ab:", "xy") + " o " + g.of("", "-a -b v rest", "-ab v", "-b", "-z", `"$@"`) + "; do\ncase $o in a) echo A;; b) echo \"B $OPTARG\";; *) echo \"? $OPTARG\";; esac\ndone; echo $OPTIND"
	case 1:
		return "until [ ${#x} -gt " + g.of("3", "5") + " ]; do x=\"$x" + g.of("ab", ".", "é") + "\"; done; echo \"$x\""
	case 2:
		return "f() { " + g.of("local x=1 y", "local -a a=(1 2)", "local x; x=$1", ":") + "; " + g.list() + "; " + g.of("return $?", "return 1", "echo \"$x ${a[*]}\"") + "; }\n" + g.of("f ", "x=$(f) ", "f | cat ", "if f; then echo y; else echo \"n $?\"; fi; f ", "f || echo \"failed $?\"; f ", "local_=1 f ") + g.words()
	case 3:
		return g.of("mapfile -t a < in", "mapfile -t a < <(cat in)", "readarray -t a <<< \"$(cat in)\"", "cat in | mapfile -t a", "IFS=: read -r -a a < in", "read -r -d '' x < in") + "; echo \"${#a[@]} ${a[0]}\"\nfor i in \"${a[@]}\"; do " + g.list() + "; done"
	case 4:
		return g.of("export x", "export x=1", "export n=2 y=q") + "\n" + g.of("x=2", "x+=b", "((n++))", "read x <<< z", "unset x", "for i in 1; do x=$i; done") + "\nsh -c 'echo \"[$x][$n][$y]\"'; " + g.of("env | grep -c ^x=", "(x=sub; sh -c 'echo $x')", "x=one sh -c 'echo $x'")
	case 5:
		return "for i in " + g.of("1 2 3", "a b", "*.t", "$(seq 3)", "{1..3}", `"$@"`) + "; do\n" + g.of("[ \"$i\" = 2 ] && continue", "[ \"$i\" = 2 ] && break", "[ -e \"$i\" ] || continue", "if "+g.cond()+"; then continue; fi", g.cond()+" && { echo c; continue; }", g.cond()+" || { echo d; break; }", "case $i in 2|b) break;; esac") + "\n" + g.list() + "\ndone" + g.of("", " | sort", " > o1", " || echo bad")
	case 6:
		return "cat <<" + g.of("-E", "E") + g.of(" | tr a-z A-Z", " > o1", "", " && echo ok") + "\n" + g.of("\t$x", "${x:-none} $((1+1))", "$(echo a; echo b)", "'$y' \"$x\" \\$y `echo c`", "a\\\nb") + "\nE"
	case 7:
		return "set -" + g.of("e", "u", "eu", "o pipefail", "f", "euo pipefail") + "\n" + g.list() + "\n" + g.of("set +e", "set +u", "set +f", "echo on")
	case 8:
		return "trap '" + g.of("echo \"bye $?\"", "rm -f o1; echo gone", "echo a; echo b", "f") + "' " + g.of("EXIT", "EXIT", "EXIT", "ERR", "INT") + "\n" + g.list() + "\n" + g.of("exit 3", "false", "trap - EXIT", "(exit 2)")
	case 9:
		return "x=$(" + g.list() + ")" + g.of("", " || echo \"no $?\"", "; echo \"$? $x\"", " && echo \"yes $x\"")
	case 10:
		return "(" + g.of("cd d", "x=in", "set -e", "exit 4", "umask 077", "set -- q") + "; " + g.list() + ")" + g.of("", "; echo $?", " || echo no", " && pwd | sed 's|.*/||'")
	case 11:
		return g.of("true", "sleep 0.01", "(exit 3)", "echo bg > o1", "cat in > o2") + " & " + g.of("wait", "wait $!", "p=$!; wait $p; echo $?", "wait; echo $?", g.list()+"; wait")
	case 12:
		return "declare -A m; m[k]=" + g.word() + "; m[\"l w\"]=2; echo \"${m[k]} ${#m[@]} ${m[l w]}\"; " + g.of("for k in \"${!m[@]}\"; do echo $k; done | sort", "[[ -n ${m[k]+set} ]] && echo has", "unset 'm[k]'; echo ${#m[@]}", "printf '%s\\n' \"${m[@]}\" | sort", "((n = ${#m[@]})); echo $n")
	case 13:
		return "printf -v x " + g.of("'%05d'", "'%s-%s'", "'%x'", "'%.3s'") + " " + g.words() + "; echo \"$x\""
	case 14:
		return "i=0; while " + g.of("(( i < 3 ))", "[ $i -lt 3 ]", "[[ $i -lt 3 ]]") + "; do i=$((i+1)); " + g.cond() + g.of(" && continue", " || continue", " && echo t || echo f", "; echo $?") + "; a+=(\"$i\"); done; echo \"${a[*]} $i\""
	default:
		return "[[ " + g.of("", "! ") + g.of("-n $x", "$x == a*", "$n -gt 1", "-f in") + g.of(" && ", " || ") + g.of("", "! ") + g.of("-z $y", "a == b", "-d d") + g.of("", " && $x != b", " || -e nope") + " ]]; echo $?"
	}
}
