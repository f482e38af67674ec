package command

// gather turns written elements into nodes, joining adjacent options into runs.
//
// An option's value is the one slot after it. The joined spelling -nVALUE is accepted only where the pattern makes clear
// that the option takes a value: both stand alone in brackets, or the slot is an int. After a bare flag and an operand
// (grep -r <text>) it would let the operand's text be read as further flags.
func (p *parser) gather(elements []element) (node, error) {
	var nodes sequence
	var run *optionRun
	for i := 0; i < len(elements); {
		item, used, ok := asOption(elements[i:])
		if !ok {
			n, err := p.plainNode(elements[i])
			if err != nil {
				return nil, err
			}
			nodes, run = append(nodes, n), nil
			i++
			continue
		}
		if run == nil {
			run = &optionRun{}
			nodes = append(nodes, run)
		}
		if len(run.items) == maxRun {
			return nil, p.errorAt(0, "more than 64 options stand next to each other")
		}
		if item.required {
			run.required |= 1 << len(run.items)
		}
		run.items = append(run.items, item)
		i += used
	}
	return nodes, nil
}

// plainNode is the node of an element that is not an option.
func (p *parser) plainNode(e element) (node, error) {
	var n node
	switch e.kind {
	case elementLiteral:
		n = wordNode{literal(e.word)}
	case elementSlot:
		n = wordNode{e.slot}
	default:
		var alternatives choice
		for _, elements := range e.alts {
			alternative, err := p.gather(elements)
			if err != nil {
				return nil, err
			}
			alternatives = append(alternatives, alternative)
		}
		n = alternatives
	}
	if e.repeat {
		n = repeated{n}
	}
	if e.kind == elementOptional {
		n = optional{n}
	}
	return n, nil
}

// asOption reads one option from the beginning of elements and says how many of them it used.
func asOption(elements []element) (item optionItem, used int, ok bool) {
	e := elements[0]
	item = optionItem{required: e.kind != elementOptional, repeat: e.repeat}
	if names, ok := optionNames(e); ok {
		item.spellings = names
		if !e.repeat && e.kind != elementOptional && len(elements) > 1 && elements[1].kind == elementSlot && !elements[1].repeat {
			_, isInt := elements[1].slot.(intSlot)
			giveValue(item.spellings, elements[1].slot, isInt)
			return item, 2, true
		}
		return item, 1, true
	}
	if e.kind != elementGroup && e.kind != elementOptional {
		return item, 0, false
	}
	for _, alternative := range e.alts {
		spellings, ok := grouped(alternative)
		if !ok {
			return item, 0, false
		}
		item.spellings = append(item.spellings, spellings...)
	}
	return item, 1, true
}

// grouped reads one alternative of a bracket that holds nothing but an option and, perhaps, its value.
func grouped(elements []element) ([]spelling, bool) {
	if elements[0].repeat || elements[0].kind == elementOptional || len(elements) > 2 {
		return nil, false
	}
	names, ok := optionNames(elements[0])
	if !ok || len(elements) == 1 {
		return names, ok
	}
	v, ok := singleWord(elements[1])
	if !ok {
		return nil, false
	}
	giveValue(names, v, true)
	return names, true
}

// optionNames returns the flags that an element spells: one literal option, or brackets around nothing but such.
func optionNames(e element) ([]spelling, bool) {
	if e.kind == elementLiteral {
		return []spelling{{name: e.word}}, !e.quoted && isOption(e.word)
	}
	if e.kind == elementSlot {
		return nil, false
	}
	var names []spelling
	for _, alternative := range e.alts {
		if len(alternative) != 1 || alternative[0].kind != elementLiteral || alternative[0].repeat {
			return nil, false
		}
		name, ok := optionNames(alternative[0])
		if !ok {
			return nil, false
		}
		names = append(names, name...)
	}
	return names, true
}

// singleWord returns the value that an element describes, if it is always exactly one word that is not an option.
func singleWord(e element) (value, bool) {
	switch {
	case e.repeat || e.kind == elementOptional:
		return nil, false
	case e.kind == elementSlot:
		return e.slot, true
	case e.kind == elementLiteral:
		return literal(e.word), e.quoted || !isOption(e.word)
	}
	var words anyOf
	for _, alternative := range e.alts {
		if len(alternative) != 1 {
			return nil, false
		}
		v, ok := singleWord(alternative[0])
		if !ok {
			return nil, false
		}
		words = append(words, v)
	}
	return words, true
}

func giveValue(spellings []spelling, v value, joined bool) {
	for i := range spellings {
		spellings[i].value = v
		spellings[i].joined = joined
	}
}
