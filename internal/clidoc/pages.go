package clidoc

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Book is what pages have in common.
type Book struct {
	App   *kong.Node
	Date  time.Time // of the version; it is printed at the foot of every page
	Exits []Exit    // what the exit statuses mean
	Files []Exit    // paths and what is there; Status is the path
	Vars  []Exit    // variables of the environment
	Also  []string  // other pages: "gatehouse.yaml.5"
}

// Exit is a word and what it means.
type Exit struct{ Status, Meaning string }

// Pages are the page of the program and one for each of its verbs.
func (b Book) Pages() []Page {
	pages := []Page{b.program()}
	for _, v := range verbs(b.App) {
		pages = append(pages, b.verb(v))
	}
	return pages
}

// program is the page that names all others.
func (b Book) program() Page {
	var m mdoc
	m.begin(b.App.Name, 1, b.Date)
	m.raw(".Sh NAME")
	m.macro("Nm", b.App.Name)
	m.macro("Nd", phrase(b.App.Help))
	m.raw(".Sh SYNOPSIS")
	m.macro("Nm", b.App.Name)
	m.raw(".Ar verb\n.Op Ar argument ...")
	m.raw(".Sh DESCRIPTION")
	m.text(b.App.Help)
	m.text("The verbs are:")
	m.raw(".Bl -tag -width Ds")
	for _, v := range verbs(b.App) {
		m.raw(".It Xr " + b.App.Name + "-" + v.Name + " 1")
		m.text(v.Help)
	}
	m.raw(".El")
	m.list("ENVIRONMENT", ".It Ev ", b.Vars)
	m.list("FILES", ".It Pa ", b.Files)
	b.end(&m, append([]string{"ssh.1"}, b.Also...))
	return Page{b.App.Name + ".1", m.String()}
}

// verb is the page of one verb and the verbs below it.
func (b Book) verb(v *kong.Node) Page {
	var m mdoc
	name := b.App.Name + "-" + v.Name
	m.begin(name, 1, b.Date)
	m.raw(".Sh NAME")
	m.macro("Nm", name)
	m.macro("Nd", phrase(v.Help))
	m.raw(".Sh SYNOPSIS")
	var synopses, descriptions mdoc
	leaves(b.App.Name, []*kong.Node{b.App, v}, func(line string, path []*kong.Node) {
		synopses.synopsis(line, path)
		if len(path) > 2 {
			descriptions.macro("Ss", strings.TrimPrefix(line, b.App.Name+" "))
			descriptions.describe(path)
		}
	})
	m.WriteString(synopses.String())
	m.raw(".Sh DESCRIPTION")
	if len(verbs(v)) == 0 {
		m.describe([]*kong.Node{b.App, v})
	} else {
		m.text(v.Help)
		paragraphs, examples := split(v.Detail)
		m.prose(paragraphs)
		m.WriteString(descriptions.String())
		m.example(examples)
	}
	b.end(&m, append([]string{b.App.Name + ".1"}, b.Also...))
	return Page{name + ".1", m.String()}
}

// leaves calls visit for each verb that does something, with its line and the nodes on the way to it.
func leaves(line string, path []*kong.Node, visit func(line string, path []*kong.Node)) {
	last := path[len(path)-1]
	line += " " + last.Name
	below := verbs(last)
	if len(below) == 0 {
		visit(line, path)
	}
	for _, c := range below {
		leaves(line, append(path[:len(path):len(path)], c), visit)
	}
}

// synopsis writes how a verb is written: what must be there, and what may.
func (m *mdoc) synopsis(line string, path []*kong.Node) {
	m.macro("Nm", line)
	optional := false
	for _, f := range flags(path) {
		if f.Required {
			m.raw("." + flagWords(f))
		} else if f.Name != "help" {
			optional = true
		}
	}
	if optional {
		m.raw(".Op Ar flags")
	}
	for _, p := range path[len(path)-1].Positional {
		argument := "Ar " + word(argumentName(p))
		if p.IsCumulative() {
			argument += " ..."
		}
		if p.Required {
			m.raw("." + argument)
		} else {
			m.raw(".Op " + argument)
		}
	}
}

// describe writes what a verb does, its arguments, its flags and its example.
func (m *mdoc) describe(path []*kong.Node) {
	v := path[len(path)-1]
	paragraphs, examples := split(v.Detail)
	m.text(v.Help)
	if paragraphs != "" {
		m.raw(".Pp")
		m.prose(paragraphs)
	}
	m.raw(".Bl -tag -width Ds")
	for _, p := range v.Positional {
		m.raw(".It Ar " + word(argumentName(p)))
		m.text(p.Help)
	}
	for _, f := range flags(path) {
		m.raw(".It " + flagWords(f))
		m.text(flagHelp(f))
	}
	m.raw(".El")
	m.example(examples)
}

func (m *mdoc) example(lines []string) {
	if len(lines) > 0 {
		m.raw(".Pp")
		m.text("For example:")
		m.literal(lines)
	}
}

// split parts the examples of a detailed help from its paragraphs.
func split(detail string) (paragraphs string, examples []string) {
	var text []string
	for _, b := range blocks(detail) {
		if b.example {
			examples = append(examples, b.lines...)
		} else if t := strings.Join(b.lines, " "); t != exampleTitle {
			text = append(text, t)
		}
	}
	return strings.Join(text, "\n\n"), examples
}

func argumentName(p *kong.Value) string {
	if p.Tag.PlaceHolder != "" {
		return p.Tag.PlaceHolder
	}
	return p.Name
}

// flagWords are the macros of a flag with its value.
func flagWords(f *kong.Flag) string {
	line := "Fl " + word("-"+f.Name)
	if f.Short != 0 {
		line = "Fl " + word(string(f.Short)) + " , " + line
	}
	if !f.IsBool() && !f.IsCounter() {
		line += " Ns = Ns Ar " + word(strings.Trim(f.FormatPlaceHolder(), `"`))
	}
	return line
}

// flagHelp is what a flag means, what it is without being written, and the variable that stands for it.
func flagHelp(f *kong.Flag) string {
	help := strings.TrimSpace(f.Help)
	if f.HasDefault && f.Default != "" {
		help += fmt.Sprintf(" Without it: %s.", f.Default)
	}
	for _, e := range f.Envs {
		help += fmt.Sprintf(" Or by the variable %s.", e)
	}
	return help
}

// list writes a section of words and what they mean.
func (m *mdoc) list(title, item string, entries []Exit) {
	if len(entries) == 0 {
		return
	}
	m.raw(".Sh " + title)
	m.raw(".Bl -tag -width Ds")
	for _, e := range entries {
		m.raw(item + word(e.Status))
		m.text(e.Meaning)
	}
	m.raw(".El")
}

// end writes the sections that all pages of section 1 end with.
func (b Book) end(m *mdoc, also []string) {
	m.list("EXIT STATUS", ".It ", b.Exits)
	m.seeAlso(also)
}

// seeAlso names other pages.
func (m *mdoc) seeAlso(pages []string) {
	m.raw(".Sh SEE ALSO")
	for i, page := range pages {
		at := strings.LastIndexByte(page, '.')
		comma := ""
		if i < len(pages)-1 {
			comma = " ,"
		}
		m.raw(".Xr " + page[:at] + " " + page[at+1:] + comma)
	}
}

// phrase is a sentence as NAME has it: without the full stop.
func phrase(help string) string { return strings.TrimSuffix(firstSentence(help), ".") }
