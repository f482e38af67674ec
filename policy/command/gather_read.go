package command

import "strings"

// readOptions is gatherer.options for a program of which the table says how it reads options.
func (g *gatherer) readOptions(elements []element) ([]optionItem, int) {
	e := elements[0]
	switch {
	case e.kind == elementLiteral && !e.quoted && isOption(e.word):
		return g.readLiteral(elements)
	case e.keyed():
		g.unsure = g.unsure || e.word == numberKey && g.style.Digits
		return []optionItem{{spellings: []spelling{keyedOption(e)}, required: true, repeat: e.repeat}}, 1
	case e.kind == elementGroup || e.kind == elementOptional:
		return g.readBracket(elements)
	}
	return nil, 0
}

// readLiteral reads a word of options: each is an item, and the last may take the next element as its value.
func (g *gatherer) readLiteral(elements []element) ([]optionItem, int) {
	e, used := elements[0], 1
	spellings := g.spellings(e.word)
	last := &spellings[len(spellings)-1]
	switch {
	case last.lacks && len(elements) > 1 && !e.repeat && g.completes(last, elements[1]):
		used = 2
	case last.lacks, e.repeat && len(spellings) > 1:
		g.unsure = true
	case last.value == nil:
		g.checkFlag(last.name, elements[1:])
	}
	var items []optionItem
	for _, s := range spellings {
		items = append(items, optionItem{spellings: []spelling{s}, required: true, repeat: e.repeat})
	}
	return items, used
}

// readBracket reads brackets that hold nothing but spellings of one option, with their values inside or right after.
func (g *gatherer) readBracket(elements []element) ([]optionItem, int) {
	e := elements[0]
	item := optionItem{required: e.kind == elementGroup, repeat: e.repeat}
	for _, alternative := range e.alts {
		spellings, ok := g.readAlternative(alternative)
		if !ok {
			return nil, 0
		}
		item.spellings = append(item.spellings, spellings...)
	}
	lacking := 0
	for _, s := range item.spellings {
		if s.lacks {
			lacking++
		}
	}
	if lacking == 0 {
		g.checkFlags(item.spellings, elements[1:])
		return []optionItem{item}, 1
	}
	if lacking < len(item.spellings) || item.required && e.repeat || !item.required || len(elements) == 1 {
		g.unsure = true
		return []optionItem{item}, 1
	}
	for i := range item.spellings {
		if !g.completes(&item.spellings[i], elements[1]) {
			g.unsure = true
			return []optionItem{item}, 1
		}
	}
	return []optionItem{item}, 2
}

// readAlternative reads one alternative of a bracket. What is more than an option and its value is no option.
func (g *gatherer) readAlternative(elements []element) ([]spelling, bool) {
	e := elements[0]
	if e.repeat || len(elements) > 2 {
		return nil, false
	}
	if e.kind == elementGroup {
		items, used := g.readBracket(elements)
		if used != len(elements) {
			return nil, false
		}
		return items[0].spellings, true
	}
	if e.keyed() {
		g.unsure = g.unsure || e.word == numberKey && g.style.Digits
		return []spelling{keyedOption(e)}, len(elements) == 1
	}
	if e.kind != elementLiteral || e.quoted || !isOption(e.word) {
		return nil, false
	}
	spellings := g.spellings(e.word)
	if len(spellings) > 1 {
		return nil, false
	}
	if len(elements) == 1 {
		return spellings, true
	}
	if spellings[0].lacks && g.completes(&spellings[0], elements[1]) {
		return spellings, true
	}
	g.checkFlag(spellings[0].name, elements[1:])
	return nil, false
}

// spellings reads one word of the pattern as the program would read it.
func (g *gatherer) spellings(word string) []spelling {
	var spellings []spelling
	for _, option := range splitOption(g.style, nil, word, 0) {
		s := spelling{name: option.text}
		switch {
		case option.hasValue:
			s.value, s.written = literal(option.value), word
		case g.style.TakesValue(option.text):
			s.lacks = true
		}
		g.unsure = g.unsure || len(s.name) == 2 && strings.IndexByte(g.style.Unclear, s.name[1]) >= 0
		spellings = append(spellings, s)
	}
	return spellings
}

// completes gives an option that lacks a value the word that an element describes.
func (g *gatherer) completes(s *spelling, e element) bool {
	v, ok := singleWord(e)
	if !ok {
		return false
	}
	s.value, s.written, s.lacks = v, e.written, false
	return true
}

// checkFlags looks at what follows flags. One short name among them says that they are flags.
func (g *gatherer) checkFlags(spellings []spelling, rest []element) {
	for _, s := range spellings {
		if !strings.HasPrefix(s.name, "--") || s.value != nil {
			return
		}
	}
	g.checkFlag(spellings[0].name, rest)
}

// checkFlag is unsure of a long option that the table takes for a flag and a slot follows: it may be its value.
func (g *gatherer) checkFlag(name string, rest []element) {
	if strings.HasPrefix(name, "--") && len(rest) > 0 && rest[0].kind == elementSlot && !rest[0].repeat && rest[0].word == "" {
		g.unsure = true
	}
}

// keyed reports whether an element is an option and its value in one word: --name=<slot> or -<int>.
func (e element) keyed() bool {
	return e.kind == elementSlot && (strings.HasPrefix(e.word, "--") || e.word == numberKey)
}

// keyedOption is an option written --name=<slot>, or -<int>.
func keyedOption(e element) spelling {
	return spelling{name: e.word, value: e.slot, written: e.written, equals: true}
}
