package main

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"gatehouse/bastion/shell/judge"
)

// real are lines that agents and people write, to be changed at random places.
var real = []string{
	"cd d && p0 -l *.go | q0 | r0 > f 2>&1", "set -euo pipefail; cd d; p0 | q0; p3 a", "bash -c 'cd ~/d && p0 \"a b\" | q0'", "p0 <<'EOF' > f\nhello $x\nEOF\nq0 < f",
	"/bin/sh -c '( umask 77 && p0 \"` echo a/b `\" && q0 \"` echo c `\" ) && r0'", "VA=1 VB='x y' timeout 5 p0 --opt=1 2>/dev/null || q0", "find d -name '*.go' -exec p0 {} \\;",
	"printf 'a b\\n' | xargs -n 1 p0 x", "p0 {a,b}{1..3} \"$HOME/x\" ~/y", "( cd d && p0; q0 ) || { p1; p3; } && r0", "p0 \"$(echo a b)\" `echo c`", "[ -f a ] && p0 || q0", "! p0 | q0; p3",
	"cat <<-E | p0\n\tone\n\ttwo\n\tE\n", "sh -c 'p0 '\"'\"'a b'\"'\"' && q0' > f", "env VA=1 nice -n 5 p0 a\\ b 'c'\"d\"", "p0 <<< 'a b' | q0 2>&1 >&2", "exec p0 a > f", "set -e; ( p1; p0 ) | q0; r0",
}

// pieces are put into lines: everything that quoting, operators and expansions can trip over.
var pieces = []string{
	" ", "\n", "\t", "'", "\"", "\\", "`", "$", "~", "*", "?", "[", "]", "{", "}", "(", ")", "( ", " )", "{ ", "; }", "<", ">", ">>", "&>", "2>&1", ">&2", "<<E", "<<<", "|", "||", "&&", ";", "&", "!", "! ", "#", "=",
	",", "..", "{a,b}", "{1..3}", "$HOME", "~/", "$(echo a)", "`echo a`", "\nE\n", "<<'E'", "-", "--", "cd d", "cd d && ", "umask 077; ", "set -e; ", "set -o pipefail; ", "exec ", "command ", "env VA=1 ", "VA=1 ", "timeout 5 ",
	"nice ", "bash -c ", "sh -c ", "p0", "p1", "q0 ", " a", " 'b c'", " > f", " < a", "''", "\"\"", "\\\n", "é", "=~", ":~", "[!a]", "**", "a", "/", ".", "2>f", "0<a",
}

// randomLine makes a line by the grammar, or changes a real one.
func randomLine(r *rand.Rand) string {
	g := generator{r}
	var line string
	switch r.IntN(6) {
	case 0:
		line = pick(r, real)
		for range 1 + r.IntN(4) {
			line = mutate(r, line)
		}
		return line
	case 1:
		line = mutate(r, g.line(2))
	case 2:
		parts := make([]string, 1+r.IntN(10))
		for i := range parts {
			parts[i] = pick(r, pieces)
		}
		line = "p0 " + strings.Join(parts, "")
	default:
		line = g.line(3)
	}
	return line + g.bodies(line)
}

// mutate inserts a piece, removes a few bytes or doubles a part of the line.
func mutate(r *rand.Rand, line string) string {
	at := r.IntN(len(line) + 1)
	end := min(len(line), at+r.IntN(6))
	switch r.IntN(4) {
	case 0:
		return line[:at] + line[end:]
	case 1:
		return line[:at] + line[at:end] + line[at:]
	}
	return line[:at] + pick(r, pieces) + line[at:]
}

// generator makes lines by a grammar.
type generator struct{ r *rand.Rand }

func (g generator) line(depth int) string {
	options := ""
	if g.r.IntN(5) == 0 {
		options = pick(g.r, []string{"set -e; ", "set -o pipefail; ", "set -euo pipefail\n", "set -u; ", "set -e; set -o pipefail; "})
	}
	return options + g.list(depth)
}

func (g generator) list(depth int) string {
	parts := []string{g.chain(depth)}
	for g.r.IntN(3) == 0 {
		parts = append(parts, g.chain(depth))
	}
	if g.r.IntN(12) == 0 {
		parts = append([]string{pick(g.r, []string{"cd d", "umask 077", "cd nodir", "umask 27"})}, parts...)
	}
	return strings.Join(parts, pick(g.r, []string{"; ", ";", "\n", " ; "}))
}

func (g generator) chain(depth int) string {
	line := g.pipeline(depth)
	for g.r.IntN(3) == 0 {
		line += pick(g.r, []string{" && ", " || ", "&&", "||", " &&\n"}) + g.pipeline(depth)
	}
	if g.r.IntN(6) == 0 {
		line = pick(g.r, []string{"cd d && ", "cd 'd e' && ", "cd nodir && ", "umask 077 && ", "cd ~/d && ", "cd \"$HOME/d/e\" && ", "umask 22 && cd d && ", "p0 && cd d && "}) + line
	}
	return line
}

func (g generator) pipeline(depth int) string {
	line := g.command(depth)
	for g.r.IntN(4) == 0 {
		line += pick(g.r, []string{" | ", "|", " |\n"}) + g.command(depth)
	}
	if g.r.IntN(8) == 0 {
		line = "! " + line
	}
	return line
}

func (g generator) command(depth int) string {
	if depth > 0 {
		switch g.r.IntN(9) {
		case 0:
			return "( " + g.list(depth-1) + " )" + g.redirs()
		case 1:
			return "{ " + g.list(depth-1) + "; }" + g.redirs()
		case 2:
			return g.prefix() + pick(g.r, []string{"bash -c ", "sh -c ", "/bin/bash -c ", "bash -ec ", "bash -euo pipefail -c ", "dash -c "}) + g.quoted(g.line(depth-1)) + g.redirs()
		}
	}
	return g.redirsBefore() + g.prefix() + pick(g.r, judge.Programs) + g.words() + g.redirs()
}

func (g generator) prefix() string {
	if g.r.IntN(4) > 0 {
		return ""
	}
	return pick(g.r, []string{"VA=1 ", "VA='x y' VB=2 ", "VA= ", "env VA=1 ", "env VB='a b' ", "timeout 9 ", "timeout -k 1 9 ", "nice ", "nice -n 3 ", "nohup ", "stdbuf -oL ", "exec ", "command ", "timeout 9 nice ", "VA=1 timeout 9 env VB=2 ", "VA=$(echo x) "})
}

func (g generator) words() string {
	line := ""
	for g.r.IntN(3) > 0 {
		line += pick(g.r, []string{" ", " ", "  ", "\t"}) + g.word()
	}
	return line
}

func (g generator) word() string {
	word := ""
	for range 1 + g.r.IntN(3) {
		word += pick(g.r, []string{
			"a", "b", "-n", "x=y", "a/b", "é", "'a b'", "\"c d\"", "\\ ", "\\'", "\\$", "''", "\"\"", "\"\\$\"", "'$x'", "'*'", "\"a'b\"", "'\"'", "'\\'", "\"\\\\\"", "{a,b}", "{1..3}", "{c..a}", "{,x}", "{a,{b,c}}", "{}", "{'a b',c}", "{01..3}",
			"*", "*.go", "?", "[ab]", "[!a]*", "d/*", "~", "~/a", "$HOME", "\"$HOME/a\"", "${HOME}/d", "$(echo e)", "\"$(echo f g)\"", "`echo h`", "\"` echo i `\"", "%", ",", ":", "@", "^", "=", "#", "!", "]", "$", "+", ".", "/", "x",
		})
	}
	return word
}

func (g generator) redirsBefore() string {
	if g.r.IntN(15) > 0 {
		return ""
	}
	return g.redir() + " "
}

func (g generator) redirs() string {
	line := ""
	for g.r.IntN(5) == 0 {
		line += " " + g.redir()
	}
	return line
}

func (g generator) redir() string {
	return pick(g.r, []string{
		"> f", ">f", ">> g", "2> f", "2>>g", "&> f", "&>> g", "2>&1", ">&2", "1>&2", "< a", "<a", "< 'a b'", "< nofile", "> nodir/f", "> d/f", "> ~/f", "< \"$HOME/a\"", "> /dev/null", "2>/dev/null", "<<< word", "<<< 'a b'", "<<E", "<<'E'", "<<-E", "< d", "> '~'",
	})
}

// quoted puts a text in quotes of either sort.
func (g generator) quoted(text string) string {
	if g.r.IntN(3) == 0 {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text) + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// bodies ends a line with the here-documents that it may have begun.
func (g generator) bodies(line string) string {
	end := ""
	for range strings.Count(line, "<<E") + strings.Count(line, "<<'E'") + strings.Count(line, "<<-E") {
		end += "\n" + pick(g.r, []string{"one\ntwo\n", "", "'quoted' \"text\"\n", "\ttabs\n", "$x `y` \\z\n", "E \n"}) + "E"
	}
	return end + pick(g.r, []string{"", "\n"})
}

// randomText is text that an argv can hold.
func randomText(r *rand.Rand) string {
	const hard = "'\"\\$`!*?[]{}~#&|;<>()= \t\n\r\x1b\x01-ab%^,@\u00a0\u202eé日"
	runes := []rune(hard)
	var b strings.Builder
	for range r.IntN(14) {
		if r.IntN(8) == 0 {
			if c := rune(1 + r.IntN(0x10ffff)); utf8.ValidRune(c) && c != utf8.RuneError {
				b.WriteRune(c)
			}
			continue
		}
		b.WriteRune(pick(r, runes))
	}
	return b.String()
}
