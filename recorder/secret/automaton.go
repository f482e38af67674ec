package secret

// automaton finds all of a set of keys in one pass over the text, whatever the case of ASCII letters (Aho and Corasick, 1975,
// with every transition written out). States are rows of a table with a column for each class of bytes that keys tell apart.
type automaton struct {
	class   [256]uint16
	classes int
	next    []uint32 // state*classes + class: the next state, times classes
	keys    [][]int  // state: the numbers of the keys that end there
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// newAutomaton compiles keys, none of which is empty.
func newAutomaton(keys []string) *automaton {
	a := &automaton{classes: 1} // class 0: bytes in no key
	for _, key := range keys {
		for i := range len(key) {
			c := fold(key[i])
			if a.class[c] == 0 {
				a.class[c] = uint16(a.classes)
				a.classes++
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		a.class[c] = a.class[fold(c)]
	}
	a.grow()
	for n, key := range keys {
		a.add(key, n)
	}
	a.link()
	return a
}

func (a *automaton) grow() uint32 {
	a.next = append(a.next, make([]uint32, a.classes)...)
	a.keys = append(a.keys, nil)
	return uint32(len(a.next) - a.classes)
}

func (a *automaton) add(key string, n int) {
	state := uint32(0)
	for i := range len(key) {
		at := state + uint32(a.class[key[i]])
		if a.next[at] == 0 {
			a.next[at] = a.grow()
		}
		state = a.next[at]
	}
	end := int(state) / a.classes
	a.keys[end] = append(a.keys[end], n)
}

// link replaces what is missing by where the longest proper suffix would go, breadth first.
func (a *automaton) link() {
	fail := make([]uint32, len(a.keys))
	var queue []uint32
	for c := range a.classes {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		back := fail[int(state)/a.classes]
		at := int(state) / a.classes
		a.keys[at] = append(a.keys[at], a.keys[int(back)/a.classes]...)
		for c := range uint32(a.classes) {
			to := a.next[state+c]
			if to == 0 {
				a.next[state+c] = a.next[back+c]
				continue
			}
			fail[int(to)/a.classes] = a.next[back+c]
			queue = append(queue, to)
		}
	}
}
