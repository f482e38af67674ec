package command

import (
	"strings"

	"gatehouse/policy/program"
)

// gatherer turns written elements into nodes, joining adjacent options into runs.
//
// Word by word, an option's value is the one slot after it, and the joined spelling -nVALUE is accepted only where the
// pattern makes clear that the option takes a value: both stand alone in brackets, or the slot is an int. After a bare flag
// and an operand (grep -r <text>) it would let the operand's text be read as further flags.
//
// With a style that bundles, the table says which options take a value. Where the pattern has it otherwise, unsure is set.
type gatherer struct {
	style  program.Style
	past   bool // the options of this program are over: what follows is read word by word
	unsure bool
	names  map[string]bool // of options that may stand anywhere
}

func (g *gatherer) gather(elements []element) (node, error) {
	var nodes sequence
	var run *optionRun
	for i := 0; i < len(elements); {
		items, used := g.options(elements[i:])
		if used == 0 {
			n, err := g.plainNode(elements[i])
			if err != nil {
				return nil, err
			}
			nodes, run = append(nodes, n), nil
			i++
			continue
		}
		if run == nil {
			run = &optionRun{anywhere: g.reads() && g.style.Permute, keyed: g.style.Keyed}
			nodes = append(nodes, run)
		}
		if err := run.add(items); err != nil {
			return nil, err
		}
		if run.anywhere {
			run.collect(g.names)
		}
		i += used
	}
	return nodes, nil
}

func (r *optionRun) add(items []optionItem) error {
	if len(r.items)+len(items) > maxRun {
		return &SyntaxError{Column: 1, Message: "more than 64 options stand next to each other"}
	}
	for _, item := range items {
		if item.required {
			r.required |= 1 << len(r.items)
		}
		r.items = append(r.items, item)
	}
	return nil
}

// reads reports whether options are read as the table says.
func (g *gatherer) reads() bool { return g.style.Bundle && !g.past }

// options reads the options at the beginning of elements and says how many elements they are; 0 if there is none.
func (g *gatherer) options(elements []element) ([]optionItem, int) {
	if g.reads() {
		return g.readOptions(elements)
	}
	item, used, ok := g.asOption(elements)
	if !ok {
		return nil, 0
	}
	return []optionItem{item}, used
}

// plainNode is the node of an element that is not an option.
func (g *gatherer) plainNode(e element) (node, error) {
	n, err := g.bareNode(e)
	if err != nil {
		return nil, err
	}
	if e.repeat {
		n = repeated{n}
	}
	if e.kind == elementOptional {
		n = optional{n}
	}
	return n, nil
}

func (g *gatherer) bareNode(e element) (node, error) {
	switch e.kind {
	case elementLiteral:
		g.unsure = g.unsure || g.reads() && e.quoted && isOption(e.word)
		g.past = g.past || !g.style.Permute || e.word == "--"
		return wordNode{literal(e.word), e.written}, nil
	case elementSlot:
		g.unsure = g.unsure || g.reads() && isOption(e.word)
		g.past = g.past || !g.style.Permute
		return wordNode{e.single(), e.written}, nil
	}
	var alternatives choice
	before, after := g.past, false
	for _, elements := range e.alts {
		g.past = before
		alternative, err := g.gather(elements)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, alternative)
		after = after || g.past
	}
	g.past = after
	return alternatives, nil
}

// single is the value of a slot, with the name= before it.
func (e element) single() value {
	if e.word == "" {
		return e.slot
	}
	return keyed{e.word, e.slot}
}

// asOption reads one option from the beginning of elements, word by word, and says how many of them it used.
func (g *gatherer) asOption(elements []element) (item optionItem, used int, ok bool) {
	e := elements[0]
	item = optionItem{required: e.kind != elementOptional, repeat: e.repeat}
	if names, ok := g.optionNames(e); ok {
		item.spellings = names
		if !e.repeat && e.kind != elementOptional && !valued(names) && len(elements) > 1 && g.slotValue(elements[1]) {
			_, isInt := elements[1].single().(intSlot)
			giveValue(item.spellings, elements[1], isInt)
			return item, 2, true
		}
		return item, 1, true
	}
	if e.kind != elementGroup && e.kind != elementOptional {
		return item, 0, false
	}
	for _, alternative := range e.alts {
		spellings, ok := g.grouped(alternative)
		if !ok {
			return item, 0, false
		}
		item.spellings = append(item.spellings, spellings...)
	}
	return item, 1, true
}

// slotValue reports whether an element is one slot, which an option before it takes as its value.
func (g *gatherer) slotValue(e element) bool {
	return e.kind == elementSlot && !e.repeat && !isOption(e.word) && e.word != numberKey && !g.isKeyed(e.word)
}

// grouped reads one alternative of a bracket that holds nothing but an option and, perhaps, its value.
func (g *gatherer) grouped(elements []element) ([]spelling, bool) {
	if elements[0].repeat || elements[0].kind == elementOptional || len(elements) > 2 {
		return nil, false
	}
	names, ok := g.optionNames(elements[0])
	if !ok || len(elements) == 1 {
		return names, ok
	}
	if _, ok := singleWord(elements[1]); !ok || valued(names) {
		return nil, false
	}
	giveValue(names, elements[1], true)
	return names, true
}

// optionNames returns the flags that an element spells: one literal option, or brackets around nothing but such. An
// --option=<slot> is one that has its value already.
func (g *gatherer) optionNames(e element) ([]spelling, bool) {
	switch e.kind {
	case elementLiteral:
		return []spelling{{name: e.word}}, !e.quoted && (isOption(e.word) || g.isKeyed(e.word))
	case elementSlot:
		return []spelling{{name: e.word, value: e.slot, written: e.written, equals: true}}, isOption(e.word) || e.word == numberKey || g.isKeyed(e.word)
	}
	var names []spelling
	for _, alternative := range e.alts {
		if len(alternative) != 1 || alternative[0].repeat || alternative[0].kind == elementGroup || alternative[0].kind == elementOptional {
			return nil, false
		}
		name, ok := g.optionNames(alternative[0])
		if !ok {
			return nil, false
		}
		names = append(names, name...)
	}
	return names, true
}

// isKeyed reports whether a word is a key=value operand of a program that takes them in any order.
func (g *gatherer) isKeyed(word string) bool { return g.style.Keyed && strings.Contains(word, "=") }

// valued reports whether one of the spellings has a value.
func valued(spellings []spelling) bool {
	for _, s := range spellings {
		if s.value != nil {
			return true
		}
	}
	return false
}

// singleWord returns the value that an element describes, if it is always exactly one word that is not an option. -<int> is
// one inside brackets of its own.
func singleWord(e element) (value, bool) {
	switch {
	case e.repeat || e.kind == elementOptional:
		return nil, false
	case e.kind == elementSlot:
		return e.single(), !isOption(e.word) && e.word != numberKey
	case e.kind == elementLiteral:
		return literal(e.word), e.quoted || !isOption(e.word)
	}
	var words anyOf
	for _, alternative := range e.alts {
		if len(alternative) != 1 {
			return nil, false
		}
		v, ok := singleWord(alternative[0])
		if a := alternative[0]; a.word == numberKey && a.kind == elementSlot && !a.repeat {
			v, ok = a.single(), true
		}
		if !ok {
			return nil, false
		}
		words = append(words, v)
	}
	return words, true
}

// giveValue makes the single word that an element describes the value of all spellings.
func giveValue(spellings []spelling, e element, joined bool) {
	v, _ := singleWord(e)
	for i := range spellings {
		spellings[i].value = v
		spellings[i].written = e.written
		spellings[i].joined = joined
	}
}
