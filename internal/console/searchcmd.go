package console

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"gatehouse/recorder/search"
)

// errNothing is the negative answer of a search.
var errNothing = errors.New("nothing found")

type searchCmd struct {
	Query   []string `arg:"" help:"What a line must have: words, \"phrases\", prefix*; -word must not be there. Quote what starts with --, or put -- before it." placeholder:"WORD"`
	Agent   string   `help:"Only sessions of this agent." placeholder:"NAME"`
	Person  string   `help:"Only sessions of this person." placeholder:"NAME"`
	Owner   string   `help:"Only sessions of agents of this owner." placeholder:"NAME"`
	Target  string   `help:"Only sessions on this target." placeholder:"NAME"`
	Task    string   `help:"Only sessions of this task." placeholder:"TASK"`
	Login   string   `help:"Only sessions with this login." placeholder:"NAME"`
	Session string   `help:"Only this session, with all of its hits." placeholder:"ID"`
	Verdict string   `help:"Only sessions with this verdict, allow or deny." placeholder:"VERDICT"`
	In      string   `help:"Only commands, or only output." placeholder:"WHERE"`
	Since   string   `help:"Only lines since then: 2h, 3d, 2026-11-28 or a whole time." placeholder:"TIME"`
	Until   string   `help:"Only lines before that." placeholder:"TIME"`
	Page    string   `help:"The next page, as the one before names it." placeholder:"CURSOR"`
}

// searchArgs sorts what comes after "sessions search": the flags, and then the words of the query, of which some begin with a -.
func searchArgs(args []string) []string {
	first := slices.IndexFunc(args, isWord)
	if first < 0 || first+1 >= len(args) || args[first] != "sessions" || args[first+1] != "search" {
		return args
	}
	flags, words := slices.Clone(args[:first+2]), []string{"--"}
	for rest := args[first+2:]; len(rest) > 0; {
		n := 1
		switch arg := rest[0]; {
		case arg == "--":
			return append(append(flags, words...), rest[1:]...)
		case arg == "-h" || arg == "--help" || arg == "--json" || strings.HasPrefix(arg, "--") && strings.Contains(arg, "="):
			flags = append(flags, arg)
		case strings.HasPrefix(arg, "--"): // all others have a value
			n = min(2, len(rest))
			flags = append(flags, rest[:n]...)
		default:
			words = append(words, arg)
		}
		rest = rest[n:]
	}
	if len(words) == 1 {
		return flags
	}
	return append(flags, words...)
}

// text puts the query together. The shell has taken quotation marks away, so an argument with blanks in it is a phrase.
func (s *searchCmd) text() string {
	var all []string
	for _, arg := range s.Query {
		all = append(all, argument(arg))
	}
	for _, f := range []struct{ name, value string }{
		{"agent", s.Agent}, {"person", s.Person}, {"owner", s.Owner}, {"target", s.Target}, {"task", s.Task}, {"login", s.Login},
		{"session", s.Session}, {"verdict", s.Verdict}, {"in", s.In}, {"since", s.Since}, {"until", s.Until},
	} {
		if f.value != "" {
			all = append(all, search.Filter(f.name, f.value))
		}
	}
	return strings.Join(all, " ")
}

// argument writes one as a query has it.
func argument(arg string) string {
	if strings.Contains(arg, `"`) || !strings.ContainsFunc(arg, unicode.IsSpace) {
		return arg
	}
	if name, value, ok := strings.Cut(arg, ":"); ok && search.IsFilter(name) {
		return search.Filter(name, value)
	}
	arg, not := strings.CutPrefix(arg, "-")
	arg, prefix := strings.CutSuffix(arg, "*")
	arg = `"` + arg + `"`
	if not {
		arg = "-" + arg
	}
	if prefix {
		arg += "*"
	}
	return arg
}

func (s *searchCmd) Run(in *invocation) error {
	found, err := in.c.Search(in.ctx, in.who, s.text(), s.Page)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(found)
	}
	for i, session := range found.Sessions {
		if i > 0 {
			in.println()
		}
		in.foundSession(session)
	}
	switch {
	case found.Stopped:
		in.printf("\nThe search was stopped after its time. Go on: add --page %s\n", found.Next)
	case found.Next != "":
		in.printf("\nOlder ones: add --page %s\n", found.Next)
	case len(found.Sessions) == 0:
		return errNothing
	}
	return nil
}

// foundSession prints a session's hits: when, of which command, the line.
func (in *invocation) foundSession(s FoundSession) {
	in.printf("%s  %s  %s  %s  %s\n", s.ID, Stamp(s.Started), Visible(s.Identity), Visible(s.Login+"@"+s.Target), Visible(s.Verdict))
	for _, h := range s.Hits {
		sign := " "
		if h.Kind == "command" {
			sign = "$"
		}
		in.printf("  %s  +%s  #%d %s %s\n", Stamp(h.Time), Offset(h.At()), h.Command, sign, in.marked(h))
		in.printf("    %s\n", h.Link)
	}
	if s.More {
		in.printf("  more: add session:%s\n", s.ID)
	}
	if s.Cut {
		in.println("  Only the beginning of this recording is searched.")
	}
}

// marked is a line with the matches in bold on a terminal.
func (in *invocation) marked(h FoundHit) string {
	var out strings.Builder
	for _, p := range h.Pieces() {
		text := Visible(p.Text)
		if p.Match && in.std.PTY {
			text = "\x1b[1m" + text + "\x1b[m"
		}
		out.WriteString(text)
	}
	return out.String()
}
