package judge_test

import (
	"strings"
	"testing"

	"gatehouse/bastion/shell/judge"
)

// lines are such as must be plans, and do under every shell what bash does with them.
var lines = []string{
	// lists and groups
	"p0 a 'b c' \"d\"", "p0; p1; p3", "p1 && p0", "p1 || p0", "p0 && p1 || p3", "p1 || p0 && p3", "p0\np3\n", "p3", "p0 && p3",
	"( p0 )", "( p3 )", "( p0; p1 ) && q0", "{ p0; p3; }", "{ p0; p1; } || q0", "( ( p0 ) )", "{ { p0; }; p1; }", "( p0 || p1 ) && ( p3; q0 )",
	"p0 && { p1; q0; }", "p0 && ( p1 && q0 )", "p1 || { p3 && q0; }", "(p0;p1)|q0",
	// negation
	"! p0", "! p1", "! p3", "! p0 && q0", "! p1 && q0", "p0 && ! p1", "! ( p0; p1 )", "! { p1; }", "! p0 | p1", "! p1 | p0", "( ! p0 ) | q0", "! ( ! p1 )", "! p1 || q0; p0",
	// pipelines
	"p0 | q0", "p0 | p1", "p1 | p0", "p0 | q0 | r0", "p0 && q0 | p1 || r0", "p1 | ( q0; p3 )", "( p0; q0 ) | r0", "p0 | { q0; p1; } | r0", "p0 |\nq0", "p0 | ( q0 | p3 )",
	"p1 2>&1 | q0", "( p0; p1 ) 2>&1 | q0", "p0 >&2 | q0", "{ p0 2>&1 >&2; } 2>&1 | q0",
	// redirections
	"p0 > f", "p0 >f", "p0 >> a", "p0 2> f", "p0 2>> a", "p0 &> f", "p0 &>> a", "p0 > f 2>&1", "p0 2>&1 > f", "p0 < a", "cat < a > f", "< a cat", "> f p0 < a 2> g",
	"p0 > /dev/null 2>&1", "p0 < 'a b'", "p0 > 'a b'", "p0 > d/f", "p0 < nofile", "p0 < nofile || q0", "p0 > nodir/f; q0", "p0 > nodir/f && q0", "! p0 < nofile", "p0 > f < nofile",
	"( p0; p1 ) > f", "{ p0; p1; } >> a", "( p0 > f; p1 ) > g", "( p0; p1 ) < a", "( p0 < nofile; q0 ) > f", "( p0; p1 ) > nodir/f || q0", "( p0 > f ) > g", "( p0 >&2 ) 2> f",
	"p0 > f > g", "p0 > f | q0", "p0 2>&1 | cat > f", "cat a b >&2", "p0 1>&2", "p0 1> f", "p0 0< a", "cat < ~/a", "p0 > \"$HOME/f\"", "p0 > $HOME/f", "p0 > '~'", "p0 2>f 1>&2", "p0 < d", "p0 > d",
	"p0 < empty", "cat <a>f", "p0 &>f a2 2>g", "p1 > f && q0", "( p0 2>&1; q0 2> g ) > f", "{ p0 | q0; } > f", "p0 | q0 > f", "p0 > f | q0 < a", "! p0 > f", "! ( ( p0; p1 ) > nodir/f )",
	// here-documents and here-strings
	"cat <<'E'\none $x\n`two`\n\\three\nE", "cat <<E\nplain 'text' \"here\"\nE\n", "cat <<-E\n\t\tone\n\ttwo\n\tE\n", "cat <<\"E F\"\nx\nE F\n", "p0 <<E | q0\nx\nE\n", "p0 <<E && q0 <<F\nx\nE\ny\nF\n",
	"cat <<E > f\nx\nE\np0 < f\n", "( cat; p0 ) <<E\nx\nE\n", "cat <<E\nE\n", "cat <<'E'\nE1\n E\nE\n", "p0 <<E <a\nx\nE\n", "p0 <a <<E\nx\nE\n", "p0 <nofile <<E\nx\nE\n", "p0 <<E <nofile\nx\nE\n",
	"cat <<< a", "cat <<< 'a b'", "cat <<< \"it's\"", "cat <<< ''", "p0 <<< a'b'\"c\"", "grep -c . <<< 'a\nb'", "tr a b <<< aaa | p0", "p1 <<< x || q0", "cat <<E - <<F\nx\nE\ny\nF\n", "cat <<E && cat a\n%\nE\n",
	"head -n1 <<'E'\n1\n2\n3\nE", "true <<'E'\n" + strings.Repeat("0123456789abcdef\n", 3000) + "E", "wc -c <<'E'\n" + strings.Repeat("0123456789abcde\n", 1000) + "E",
	// patterns, braces, home
	"p0 *", "p0 *.go", "p0 ?", "p0 [ab]", "p0 [a-b]*", "p0 [!a]*", "p0 [^x]", "p0 .h*", "p0 */a", "p0 d/*", "p0 */", "p0 d/*/z.go", "p0 nothing*", "p0 'a b' *", "p0 a\" \"b", "p0 'a 'b*", "p0 a' '*", "p0 -*",
	"cat *.go > f", "p0 ~", "p0 ~/a", "p0 ~/*.go", "p0 $HOME", "p0 \"$HOME\"", "p0 ${HOME}/a", "p0 \"${HOME}/a b\"", "p0 \"$HOME\"/a", "p0 $HOME/*.go", "p0 \"$HOME/\"*", "p0 '~' '~/a' '$HOME' \\~ a~ a~b ''~", "p0 ~/'a b'",
	"p0 {a,b}", "p0 {a,b}{c,d}", "p0 a{b,c}d", "p0 {1..5}", "p0 {5..1}", "p0 {01..10..3}", "p0 {-2..2}", "p0 {a..e}", "p0 {e..a..2}", "p0 {A..C}x", "p0 {{a,b},c}", "p0 {a,{1..3}}", "p0 {,x}", "p0 x{,y}", "p0 {'',x}", "p0 {,}",
	"p0 {'a b',c}", "p0 {a,\"b,c\"}", "p0 '{a,b}'", "p0 \\{a,b\\}", "p0 {a\\,b,c}", "p0 {}", "p0 a{}b", "p0 {}{a,b}", "p0 *.{go,md}", "p0 {d,nodir}/*", "p0 {~,x}/a", "p0 ~/{a,b}", "p0 $HOME{,/a}", "p0 {$HOME,x}/a", "p0 {-1..10..5} {-05..5..5}",
	"p0 {10..01..4}", "p0 {a,b}'{c,d}'", "p0 {a,b}=c", "p0 x=y", "p0 {*.go,d}", "p0 [ ]", "p0 ]", "p0 a]", "p0 a,b", "p0 {{a,b},c}x", "p0 {1..3}{a..b}",
	"[ -f a ]", "[ -f nofile ]", "[ -d d ] && p0", "test -f a && p0 || q0",
	// variables
	"VA=1 p0", "VA='a b' VB=c p0 x", "VA= p0", "VA=1 p0 && p1", "VA=1 VA=2 p0", "VA=1 p0 > f", "> f VA=1 p0", "VA=it\\'s p0", "VA=\"a;b\" p0 | q0", "VA='{}' p0", "env VA=1 p0", "env VA=1 VB='x y' p0 a", "env VA=1 p0 | q0",
	"VA=1 env VA=2 p0", "env VA=1 env VB=2 p0", "VA=a=b p0", "VA=1 bash -c 'p0; VA=2 q0'", "VA=1 bash -c 'p0 | q0'", "env VA=1 bash -c p0",
	// directories and umask
	"cd d && p0", "cd d && p0 && p1 && q0", "cd d && p0 a > f", "cd d && cat < a", "cd 'd e' && p0 *", "cd d && p0 | q0", "cd d && { p0; p1; }", "cd d && ( p0 || p1 )", "cd d && ! p0", "cd nodir && p0", "( cd nodir && p0 ) || q0",
	"( cd d && p0 ) && p1", "( cd d && p0 ); q0", "p0 && cd d && q0", "p1 && cd d && q0", "cd d && cd e && p0 *", "cd d && ( cd e && p0 ) && q0", "cd ~ && p0", "cd ~/d && p0 *", "cd \"$HOME/d\" && p0", "cd $HOME/d/e && p0 ~/a", "cd d && p0 > ~/f",
	"cd . && p0", "cd d/ && p0", "cd ./d && p0", "( cd d && p0 ) > f", "( cd d && p0 > f ) 2> g", "! ( cd d && p0 )", "! ( cd nodir && p0 )", "( cd d && p0 ) | ( cd d/e && q0 )", "p0 | ( cd d && q0 > f )", "cd a && p0", "cd ./-d && p0", "cd d && bash -c 'p0; q0'",
	"umask 077 && p0 > f", "umask 22 && p0", "umask 0027 && p0 && q0 > f", "umask 077; p0 > f; q0", "umask 077 && cd d && p0 > f", "cd d && umask 077 && p0 > f", "( umask 077 && p0 ) > f", "( umask 077; p0 > f ); q0 > g", "p0; umask 077; q0 > f",
	"umask 077; cd d && p0 > f", "umask 000; umask 077; p0 > f", "p0 || ( umask 077 && q0 )", "umask 77 && mkdir n && p0",
	// set
	"set -e; p0; p1; q0", "set -e; p0; q0", "set -e\np0\np1\nq0", "set -eu; p0 | p1; q0", "set -e; ( p0; p1; q0 ); r0", "set -e; p0; p1 && q0", "set -e; p0; p1 || q0", "set -e; cd d; p0; q0", "set -e; cd nodir; p0", "set -e; cd d; p0 || p1",
	"set -e; p1 | p0; q0", "set -e; { p0; p1; }; q0", "set -e; ( p1; p0 ) || q0", "set -e; ( p1 || p0 ); q0", "set -e; p0 && ( p1; q0 )", "set -e; ( p0; p1; q0 ) | r0", "set -e; ! ( p1; q0 )", "set -e; bash -c 'p1; q0'; r0", "set -e; umask 077; p0 > f; p1; q0",
	"set -e; ( p1 && q0; ) | r0; p3", "set -e; p0; ! p0", "set -u; p0; p1; q0", "set -o pipefail; p1 | p0", "set -o pipefail; p0 | p0", "set -o pipefail; p3 | p1 | p0", "set -o pipefail; p0 | q0 | p3", "set -o pipefail; p1 | ( p3 | p0 ) && q0",
	"set -o pipefail; ! p1 | p0", "set -o pipefail; p1 | p0 > f", "set -o pipefail; ( p1 | p0 ) > f 2>&1", "set -o pipefail; p3 < a | cat | p0", "set -euo pipefail; p1 | p0; q0", "set -euo pipefail; p0 | q0; p3", "set -eo pipefail; cd d; p0 * | p1; q0",
	"set -o pipefail; p1 <<E | p0\nx\nE\n", "set -e; set -o pipefail; p1 | p0; q0", "set -o pipefail; p0 2>&1 | q0 | sort > f", "set -o pipefail; yes | head -n 1", "set -o pipefail; p1 | q0 || r0 | p3",
	// shells in shells
	"bash -c p0", "bash -c 'p0 a; p1'", "sh -c 'p0 | q0'", "/bin/sh -c 'p0 && p1'", "bash -lc 'cat a'", "bash -ec 'p0; p1; q0'", "bash -euo pipefail -c 'p1 | p0; q0'", "bash -o pipefail -c 'p1 | p0'", "bash -c -e 'p1; p0'", "dash -c 'p0; p3'",
	"bash -c \"p0 'a b' \\\"c d\\\"\"", "bash -c 'bash -c \"p0 a\"; q0'", "bash -c 'p0 > f; q0' > g", "bash -c 'cd d && p0' && q0", "bash -c 'cd d && p0'", "bash -c 'p0; p3' || q0", "bash -c 'p0' | sh -c 'q0'", "! bash -c 'p0; p1'",
	"sh -c 'p0 '\"'\"'a b'\"'\"''", "bash -c 'set -e; p1; q0'", "bash -c 'exec p0'", "bash -c 'p0 <<E\nx\nE'", "sh -c 'cat <<E\nx\nE'", "bash --login -c 'cat a; ls d'", "sh -c '( umask 77 && p0 \"` echo a `\" ) && q0'", "bash -c 'p0; bash -c \"p1; q0\"; p3' > f",
	"set -o pipefail; bash -c 'p1 | p0'", "bash -c 'set -o pipefail; p1 | p0' | q0", "bash -c 'set -o pipefail; p1 | p0' && p1 | q0",
	// launchers
	"timeout 5 p0", "timeout -k 1 5 p3", "timeout -s KILL 5s p1 a b", "timeout --signal=KILL --preserve-status 5 p0", "timeout 0.2 sleep 5", "timeout --foreground 5 p0 > f", "nice p0", "nice -n 5 p0", "nohup p0 x", "stdbuf -oL p0 | q0", "stdbuf -o L -e0 p1",
	"timeout 5 nice -n 1 p0 *", "nice timeout 5 p3 && q0", "VA=1 timeout 5 p0", "timeout 5 env VA=1 p0", "timeout 5 bash -c p0", "timeout 5 bash -c 'p0 x' | q0", "env VA=1 timeout 5 p0 < a", "nohup bash -c p3 || q0", "timeout 5 p0 ~/a",
	"exec p0", "p0 && exec p3", "p0; exec p1 > f", "( exec p0 ); q0", "exec p0 | q0", "cd d && exec p0", "command p0 a", "command p1 || q0", "exec env VA=1 p0", "exec bash -c 'p0; p1'", "command timeout 5 p0", "command command p0", "command exec p0", "exec timeout 5 p0",
	// literal echo
	"p0 $(echo a)", "p0 \"$(echo a b)\"", "p0 `echo a`", "p0 \"`echo a b`\"", "p0 \"x$( echo 'a  b' c )y\"", "p0 x`echo a/b`y", "p0 \"$(echo)\"", "p0 \"$(echo '*')\"", "p0 {$(echo a),b}", "p0 \"$(echo 'a\n')\"", "VA=$(echo x) p0", "p0 > $(echo f)", "cd $(echo d) && p0",
	// real programs
	"cat a b | sort | uniq -c", "grep -n o a | head -n 1", "ls -1 *.go | wc -l", "find d -type f | sort", "find d -name '*.go' -exec cat {} \\;", "find d -type f -exec grep -l . {} +", "ls *.go | xargs cat", "printf 'a\\nb\\n' | xargs -n 1 p0 x",
	"printf 'a b' | xargs p0", "printf '' | xargs p0", "printf '' | xargs -r p0", "printf 'a\\nb\\n' | xargs -I{} p0 x{}y", "printf 'a\\0b' | xargs -0 p0", "sed -n 1p < a", "tr a-z A-Z < a > f && cat f", "mkdir -p n/m && cd n/m && p0", "echo a > f; cat f; rm f",
	"cat nofile || p0", "false || true && p3", "cat a - < b", "awk '{ print $1 }' a", "cp a f && mv f g && cat g", "cat a > f && cat b >> f && wc -l < f", "yes | head -n 3", "seq 3 | tac", "true", "dd if=a of=f status=none", "nosuchprogram", "nosuchprogram || p0",
	"./a", "d", "p0 \\\\ '\\' \"\\\\\" \\'", "p0 'a\nb' \"c\td\"", "p0 '!' ! 'a!b'", "p0 é 日本 'ü'", "p0 $ a$ \"$\"", "p0 = == a= =a", "p0 % ^ @ + , : ^a", "p0 -- -x -", "'p0' x", "p\"0\" x", "p0 if then fi done", "p0 time !",
}

func TestPlansDoWhatBashDoes(t *testing.T) {
	box, err := judge.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		shells := []string{judge.Shells[i%2], judge.Shells[2+i/2%2]}
		switch {
		case i%16 == 0:
			shells = judge.Shells
		case testing.Short(): // make diff-fuzz has all of them under all
			shells = judge.Shells[i%4 : i%4+1]
		}
		accepted, problem, err := box.Compare(line, shells...)
		switch {
		case err != nil:
			t.Fatalf("%q: %v", line, err)
		case !accepted:
			t.Errorf("%q is no plan", line)
		case problem != "":
			t.Errorf("%q: %s", line, problem)
		}
	}
}
