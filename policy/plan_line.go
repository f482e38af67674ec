package policy

import "strings"

// launcher finds a program on the PATH and becomes it, with argv as given. It has a "/", so every shell takes it for a file.
const launcher = "/usr/bin/env"

// Line renders the plan for a POSIX login shell. Every word is quoted by us, and no builtin, function or alias of the shell
// takes a command's place: a name without "/" is started by /usr/bin/env, because zsh's exec runs builtins. What arrives is
// each argv byte for byte. The environment comes first, as exports; its names must be valid (Policy.Decide admits no others).
//
// It is right in sh, dash, bash and zsh, not in csh or fish. A shell whose start-up files redefine exec or export is not
// held by it.
func (p Plan) Line(env []EnvVar) string {
	var b strings.Builder
	for _, v := range env {
		b.WriteString("export " + v.Name + "=" + quote(v.Value) + "; ")
	}
	if p.Op == OpRun {
		writeExec(&b, p.Argv)
	} else {
		writeJoined(&b, p, execLeaf)
	}
	return b.String()
}

// String renders the plan as the line that a person would have written: words quoted only where they must be, no exec. For
// a plan made from a line, that line's parser makes the same plan of it. Words may hold any character but NUL: escape it
// before showing it.
func (p Plan) String() string {
	var b strings.Builder
	if p.Op == OpRun {
		wordsLeaf(&b, p.Argv)
	} else {
		writeJoined(&b, p, wordsLeaf)
	}
	return b.String()
}

// writeJoined renders an inner node. A part is put in parentheses where it would otherwise bind differently; "( " and not
// "(", because two opening parentheses would begin arithmetic.
func writeJoined(b *strings.Builder, p Plan, leaf func(*strings.Builder, Argv)) {
	for i, part := range p.Parts {
		switch {
		case i > 0 && p.Op == OpSeq:
			b.WriteString("; ")
		case i > 0:
			b.WriteString(" " + string(p.Op) + " ")
		}
		switch {
		case part.Op == OpRun:
			leaf(b, part.Argv)
		case bindsInside(p.Op, part.Op, i == 0):
			writeJoined(b, part, leaf)
		default:
			b.WriteString("( ")
			writeJoined(b, part, leaf)
			b.WriteString(" )")
		}
	}
}

// bindsInside reports whether a part needs no parentheses: | binds before && and ||, which bind alike and from the left,
// and ; binds last.
func bindsInside(outer, inner Op, first bool) bool {
	switch outer {
	case OpSeq:
		return inner != OpSeq
	case OpAnd, OpOr:
		return inner == OpPipe || first && inner != OpSeq
	}
	return false
}

func execLeaf(b *strings.Builder, argv Argv) {
	b.WriteByte('(')
	writeExec(b, argv)
	b.WriteByte(')')
}

func writeExec(b *strings.Builder, argv Argv) {
	b.WriteString("exec")
	if !strings.Contains(argv[0], "/") {
		b.WriteString(" " + launcher)
	}
	for _, word := range argv {
		b.WriteString(" " + quote(word))
	}
}

func wordsLeaf(b *strings.Builder, argv Argv) {
	for i, word := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if i > 0 && plainWord(word) || i == 0 && plainName(word) {
			b.WriteString(word)
		} else {
			b.WriteString(quote(word))
		}
	}
}

// quote puts a word in single quotes; the quotes inside become '\”.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// plainWord reports whether a word means itself without quotes, as an argument.
func plainWord(word string) bool {
	for i := range len(word) {
		c := word[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:=,@%+", c) >= 0) {
			return false
		}
	}
	return word != ""
}

// plainName is plainWord for a command's name, which is also no keyword, no declaration and no assignment.
func plainName(word string) bool {
	if !plainWord(word) || strings.Contains(word, "=") {
		return false
	}
	switch word {
	case "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "select", "function",
		"time", "coproc", "in", "declare", "typeset", "local", "export", "readonly", "nameref", "let",
		"GATEHOUSE-ARGV-1": // begins the exact-argv form of a line
		return false
	}
	return true
}
