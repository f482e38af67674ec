package prompt

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/bastion/preview"
	"gatehouse/bastion/shell/process"
)

// The bounds of a completion.
const (
	completeTime = 2 * time.Second
	maxShown     = 100 // of what could be meant
)

// completion is what a word could become.
type completion struct {
	from  int      // where the word begins in the line
	words []string // whole, as they would be typed; one that is to be gone on with ends in a slash
	names []string // what is shown of each
}

// tab completes the word before the cursor: as far as all that is meant agrees; a second tab shows what that is.
func (e *editor) tab(ctx context.Context) {
	if e.complete == nil {
		return
	}
	c := e.complete(ctx, e.line.text, e.line.pos)
	e.tabs++
	typed := encode(e.line.text[c.from:e.line.pos])
	common := commonStart(c.words)
	switch {
	case len(c.words) == 0:
		e.write("\a")
	case len(c.words) == 1:
		word := c.words[0]
		if !strings.HasSuffix(word, "/") {
			word += " "
		}
		e.put(c.from, word)
	case len(common) > len(typed) && strings.HasPrefix(common, typed):
		e.put(c.from, common)
		e.tabs = 0
	case e.tabs > 1:
		e.show(c.names)
	default:
		e.write("\a")
	}
}

// put replaces what stands between a place and the cursor.
func (e *editor) put(from int, word string) {
	e.line.remove(from, e.line.pos)
	e.line.pos = from
	e.line.insert(decode(word)...)
}

// show lists names below the line, and draws that again.
func (e *editor) show(names []string) {
	more := ""
	if len(names) > maxShown {
		names, more = names[:maxShown], "…"
	}
	var out strings.Builder
	for _, name := range names {
		out.WriteString(preview.Visible(name) + "  ")
	}
	pos := e.line.pos
	e.line.pos = len(e.line.text)
	e.draw()
	e.write("\r\n" + out.String() + more + "\r\n")
	e.line.pos = pos
	e.view.forget()
	e.drawn = false
}

// commonStart is what all words begin with.
func commonStart(words []string) string {
	if len(words) == 0 {
		return ""
	}
	start := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, start) {
			_, n := utf8.DecodeLastRuneInString(start)
			start = start[:len(start)-n]
		}
	}
	return strings.TrimSuffix(start, `\`)
}

// word is the word before the cursor.
type word struct {
	from  int    // where it begins
	value string // without its quotes
	first bool   // it names a command
	plain bool   // it has no quotes and no expansion: only such a word is completed
}

// wordAt finds the word before a place of a line.
func wordAt(text []rune, pos int) word {
	w := word{first: true, plain: true}
	var value []rune
	begun, quote := false, rune(0)
	end := func(first bool) {
		if begun {
			w.first = false
		}
		if first {
			w.first = true
		}
		value, begun, w.plain = nil, false, true
	}
	for i := 0; i < pos; i++ {
		r := text[i]
		if !begun && (quote != 0 || !unicode.IsSpace(r) && !strings.ContainsRune(";|&()<>", r)) {
			begun, w.from = true, i
		}
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				value = append(value, r)
			}
		case r == '\'' || r == '"':
			quote, w.plain = r, false
		case r == '\\' && i+1 < pos:
			i++
			value = append(value, text[i])
		case strings.ContainsRune(";|&(\n", r):
			end(true)
		case unicode.IsSpace(r) || strings.ContainsRune(")<>", r):
			end(false)
		case strings.ContainsRune("$`*?[{", r):
			w.plain = false
			value = append(value, r)
		default:
			value = append(value, r)
		}
	}
	if !begun {
		w.from = pos
	}
	w.value = encode(value)
	return w
}

// builtins are the shell's own commands that are completed.
var builtins = []string{"break", "cd", "command", "continue", "echo", "eval", "exit", "export", "false", "help", "history", "kill", "let", "local", "popd", "printf", "pushd", "pwd",
	"read", "readonly", "return", "set", "shift", "source", "test", "trap", "true", "type", "umask", "unset", "wait"}

// completer completes words by what may run on the target, and by its files.
type completer struct{ shell *process.Shell }

// complete is what the word before pos could be.
func (c completer) complete(ctx context.Context, text []rune, pos int) completion {
	w := wordAt(text, pos)
	out := completion{from: w.from}
	if !w.plain {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	if w.first && !strings.Contains(w.value, "/") {
		programs, _ := c.shell.Complete(ctx, w.value) // a door that does not answer completes nothing
		for _, name := range slices.Concat(programs, builtins, c.shell.Functions()) {
			if strings.HasPrefix(name, w.value) {
				out.words = append(out.words, name)
			}
		}
		slices.Sort(out.words)
		out.words = slices.Compact(out.words)
		out.names = out.words
		return out
	}
	c.paths(ctx, w.value, &out)
	return out
}

// paths completes a path of the target.
func (c completer) paths(ctx context.Context, value string, out *completion) {
	dir, base := path.Split(value)
	at := dir
	switch {
	case dir == "~/" || strings.HasPrefix(dir, "~/"):
		home, _ := c.shell.Home(ctx, "")
		at = home + dir[1:]
	case !path.IsAbs(dir):
		at = c.shell.Dir() + "/" + dir
	}
	entries, _ := c.shell.List(ctx, path.Clean(at)) // what may not be listed completes nothing
	for _, e := range entries {
		if !strings.HasPrefix(e.Name, base) || strings.HasPrefix(e.Name, ".") && base == "" || !typable(e.Name) {
			continue
		}
		slash := ""
		if e.Mode&0o170000 == 0o040000 {
			slash = "/"
		}
		out.words = append(out.words, quoted(dir)+quoted(e.Name)+slash)
		out.names = append(out.names, e.Name+slash)
	}
	slices.Sort(out.words)
	slices.Sort(out.names)
}

// typable reports whether a name can stand in a line as it is.
func typable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quoted puts a backslash before what a shell would make something of.
func quoted(name string) string {
	var out strings.Builder
	for i, r := range name {
		if strings.ContainsRune(" \t!\"#$&'()*;<>?[\\]^`{|}", r) || r == '~' && i == 0 && name != "~/" && !strings.HasPrefix(name, "~/") {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
