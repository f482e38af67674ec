package prompt

import (
	"context"
	"strconv"
	"strings"
)

// own runs what is the prompt's own: a line that is nothing else.
func (p *prompt) own(ctx context.Context, text string) bool {
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && words[0] == "help":
		help, err := p.shell.Help(ctx)
		if err != nil {
			help = err.Error() + "\n"
		}
		p.write(strings.ReplaceAll(help, "\n", "\r\n"))
	case words[0] == "history" && len(words) <= 2:
		return p.showHistory(words[1:])
	case words[0] == "bind" && len(words) == 4:
		return p.bind(words[1:])
	default:
		return false
	}
	p.status = 0
	return true
}

// showHistory is history [N].
func (p *prompt) showHistory(args []string) bool {
	n := p.history.len()
	if len(args) == 1 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil {
			p.write("gatehouse: history takes the number of lines to show\r\n")
			p.status = 2
			return true
		}
	}
	p.write(strings.ReplaceAll(p.history.list(n), "\n", "\r\n"))
	p.status = 0
	return true
}

// bind is the one thing that drivers bind: set enable-bracketed-paste on, or off. All else is no builtin here.
func (p *prompt) bind(args []string) bool {
	set := strings.Join(args, " ")
	if n := len(set); n > 1 && (set[0] == '\'' || set[0] == '"') && set[n-1] == set[0] {
		set = set[1 : n-1]
	}
	switch set {
	case "set enable-bracketed-paste off":
		p.unmarked = true
	case "set enable-bracketed-paste on":
		p.unmarked = false
	default:
		return false
	}
	p.status = 0
	return true
}
