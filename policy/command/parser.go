package command

import (
	"fmt"
	"path"

	"gatehouse/policy/program"
)

// element is one item of a pattern as it was written, before options are gathered into runs.
type element struct {
	kind    elementKind
	word    string      // elementLiteral; of an elementSlot the name= or numberKey before it
	quoted  bool        // elementLiteral
	slot    value       // elementSlot
	written string      // elementLiteral and elementSlot: how the pattern spells it
	alts    [][]element // elementGroup and elementOptional
	repeat  bool
}

type elementKind int

const (
	elementLiteral elementKind = iota
	elementSlot
	elementGroup    // ( … | … )
	elementOptional // [ … | … ]
)

// parser reads the grammar: pattern = program item*, item = (word | slot | name=slot | group | optional) ["..."].
type parser struct {
	lexer
	named  Slots
	peeked *token
	depth  int
}

func (p *parser) pattern() (*Pattern, error) {
	first, err := p.take()
	if err != nil {
		return nil, err
	}
	if first.kind == tokenEnd {
		return nil, p.errorAt(first.at, "the pattern is empty: it must begin with the program's name")
	}
	if first.kind != tokenWord && first.kind != tokenQuoted || first.text == "" || first.text[0] == '-' {
		return nil, p.errorAt(first.at, "the program must be a literal word: a slot, a group or an option cannot stand first")
	}
	elements, err := p.items()
	if err != nil {
		return nil, err
	}
	last, err := p.take()
	if err != nil {
		return nil, err
	}
	switch {
	case last.is("|"):
		return nil, p.errorAt(last.at, `alternatives need parentheses: (a|b); to allow a pipeline, allow each of its commands`)
	case last.kind != tokenEnd:
		return nil, p.errorAt(last.at, fmt.Sprintf("%q has no opening bracket", last.text))
	}
	return p.compile(first.text, elements)
}

// compile makes the trees: word by word, and as the program reads its options where that is known.
func (p *parser) compile(name string, elements []element) (*Pattern, error) {
	style := program.Of(path.Base(name)).Style
	compiled := &Pattern{text: p.text, program: name, style: style}
	var err error
	words := gatherer{style: program.Style{Keyed: style.Keyed}}
	if compiled.ordered, err = words.gather(elements); err != nil || !style.Bundle {
		return compiled, err
	}
	compiled.names = map[string]bool{}
	options := gatherer{style: style, names: compiled.names}
	compiled.read, err = options.gather(elements)
	compiled.unsure = options.unsure
	return compiled, err
}

// items reads items until a token that is not one: the end, "|" or a closing bracket.
func (p *parser) items() ([]element, error) {
	var elements []element
	for {
		t, err := p.peek()
		if err != nil {
			return nil, err
		}
		if t.kind == tokenEnd || t.is("|") || t.is(")") || t.is("]") {
			return elements, nil
		}
		e, err := p.item()
		if err != nil {
			return nil, err
		}
		elements = append(elements, e)
	}
}

func (p *parser) item() (element, error) {
	t, err := p.take()
	if err != nil {
		return element{}, err
	}
	var e element
	switch {
	case t.kind == tokenWord:
		e = element{kind: elementLiteral, word: t.text, written: t.text}
	case t.kind == tokenQuoted:
		e = element{kind: elementLiteral, word: t.text, quoted: true, written: p.text[t.at:p.at]}
	case t.kind == tokenSlot:
		e, err = p.slot("", t)
	case t.kind == tokenKey:
		var behind token
		if behind, err = p.take(); err == nil {
			e, err = p.slot(t.text, behind)
		}
	case t.is("("):
		e, err = p.bracket(t, elementGroup, ")")
	case t.is("["):
		e, err = p.bracket(t, elementOptional, "]")
	default:
		err = p.errorAt(t.at, `"..." follows the slot, group or option that may be repeated`)
	}
	if err != nil {
		return element{}, err
	}
	return p.repetition(e)
}

// slot reads a slot, which may have a name= or a "-" right before it.
func (p *parser) slot(key string, t token) (element, error) {
	v, err := parseSlot(t.text, t.at+1, p.named)
	if _, isInt := v.(intSlot); err == nil && key == numberKey && !isInt {
		err = p.errorAt(t.at, `only a number stands right behind "-", as in -<int:1..500>`)
	}
	return element{kind: elementSlot, word: key, slot: v, written: key + "<" + t.text + ">"}, err
}

// repetition reads the "..." that may follow an item.
func (p *parser) repetition(e element) (element, error) {
	t, err := p.peek()
	if err != nil || !t.is("...") {
		return e, err
	}
	if e.kind == elementLiteral && (e.quoted || !isOption(e.word)) {
		return element{}, p.errorAt(t.at, `"..." follows a slot, a group or an option, not a plain word`)
	}
	e.repeat = true
	_, err = p.take()
	return e, err
}

// bracket reads the alternatives of a group or an optional part up to its closing bracket.
func (p *parser) bracket(open token, kind elementKind, closing string) (element, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		return element{}, p.errorAt(open.at, "brackets are nested more than 16 deep")
	}
	e := element{kind: kind}
	for {
		alternative, err := p.items()
		if err != nil {
			return element{}, err
		}
		t, err := p.take()
		if err != nil {
			return element{}, err
		}
		if len(alternative) == 0 {
			return element{}, p.errorAt(t.at, "an alternative is empty: use [ … ] for something that may be left out")
		}
		e.alts = append(e.alts, alternative)
		switch {
		case t.is(closing):
			return e, nil
		case !t.is("|"):
			return element{}, p.errorAt(open.at, fmt.Sprintf("%q is not closed by %q", open.text, closing))
		}
	}
}

func (p *parser) peek() (token, error) {
	if p.peeked == nil {
		t, err := p.next()
		if err != nil {
			return token{}, err
		}
		p.peeked = &t
	}
	return *p.peeked, nil
}

func (p *parser) take() (token, error) {
	t, err := p.peek()
	p.peeked = nil
	return t, err
}
