package preview

import (
	"path"
	"slices"
	"strings"

	"gatehouse/policy"
)

// command is one command of a plan with what stands around it.
type command struct {
	argv   policy.Argv
	dir    string // absolute, or empty for the login's home
	redirs []placed
	input  *string // what it reads, where that is known from the plan alone
}

// placed is a redirection with the folder that its path is in.
type placed struct {
	policy.Redir
	dir string
}

// each calls f with every command of a final plan, from left to right.
func each(p *policy.Plan, f func(command)) { walk(p, command{}, f) }

// walk visits a node, and returns what it prints, where that is known and nothing else prints there.
func walk(p *policy.Plan, at command, f func(command)) *string {
	if p.Dir != "" {
		at.dir = p.Dir
	}
	at.redirs = slices.Clip(at.redirs)
	for _, r := range p.Redirs {
		at.redirs = append(at.redirs, placed{r, at.dir})
		switch {
		case r.FD == 0 && r.Op == policy.RedirData:
			at.input = &r.Data
		case r.FD == 0:
			at.input = nil
		}
	}
	if p.Op == policy.OpRun {
		at.argv = p.Argv
		f(at)
		return at.prints()
	}
	var out *string
	for i := range p.Parts {
		part := at
		if p.Op == policy.OpPipe {
			if i > 0 {
				part.input = out
			}
			if i < len(p.Parts)-1 {
				part.redirs = nil // what is redirected around the pipe is its last command's output
			}
		}
		out = walk(&p.Parts[i], part, f)
	}
	if p.Op != policy.OpPipe && len(p.Parts) > 1 {
		return nil
	}
	return out
}

// name is the program without its folder.
func (c command) name() string { return path.Base(c.argv[0]) }

// in is a path as the command means it; empty if that is not known.
func in(dir, name, home string) string {
	switch {
	case name == "" || name == "-":
		return ""
	case path.IsAbs(name):
		return path.Clean(name)
	case dir == "":
		dir = home
	}
	if dir == "" {
		return ""
	}
	return path.Join(dir, name)
}

// prints is what a command writes to its standard output, where its words alone say so.
func (c command) prints() *string {
	switch c.name() {
	case "echo":
		return echoed(c.argv[1:])
	case "printf":
		return printed(c.argv[1:])
	case "cat", "tee":
		if len(c.argv) == 1 || c.name() == "tee" {
			return c.input
		}
	}
	return nil
}

// echoed is what echo(1) prints; with an option that changes how it reads its words, nothing is known.
func echoed(words []string) *string {
	end := "\n"
	if len(words) > 0 && words[0] == "-n" {
		words, end = words[1:], ""
	} else if len(words) > 0 && strings.HasPrefix(words[0], "-") {
		return nil
	}
	text := strings.Join(words, " ") + end
	return &text
}

// printed is what printf(1) prints by a format of text, \n, \t, \\, %% and %s alone.
func printed(words []string) *string {
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return nil
	}
	format, args := words[0], words[1:]
	var out strings.Builder
	for {
		used, ok := printOnce(&out, format, &args)
		if !ok {
			return nil
		}
		if len(args) == 0 || used == 0 || out.Len() > maxRead { // the format is used again for the words that are left
			text := out.String()
			return &text
		}
	}
}

// printOnce goes through the format once and takes the words that it wants.
func printOnce(out *strings.Builder, format string, args *[]string) (used int, ok bool) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' && format[i] != '\\' {
			out.WriteByte(format[i])
			continue
		}
		if i+1 == len(format) {
			return used, false
		}
		switch i++; format[i-1 : i+1] {
		case `\n`:
			out.WriteByte('\n')
		case `\t`:
			out.WriteByte('\t')
		case `\\`:
			out.WriteByte('\\')
		case "%%":
			out.WriteByte('%')
		case "%s":
			used++
			if len(*args) > 0 {
				out.WriteString((*args)[0])
				*args = (*args)[1:]
			}
		default:
			return used, false
		}
	}
	return used, true
}
