package program

// tables have one entry a program. They are never written to.
var tables = []map[string]Program{files, text, system, network, other}

// getopt is the style of GNU programs: options anywhere, in bundles, until "--".
func getopt(values, long string) Style {
	return Style{Bundle: true, Values: values, Long: long, Permute: true, End: true}
}

// inOrder is the style of those whose options end at the first operand.
func inOrder(values, long string) Style {
	s := getopt(values, long)
	s.Permute = false
	return s
}

// maybe adds letters whose value is optional.
func (s Style) maybe(letters string) Style { s.Maybe = letters; return s }

// unclear adds letters that take a value or not, as the case is.
func (s Style) unclear(letters string) Style { s.Unclear = letters; return s }

// digits lets digits be bundled.
func (s Style) digits() Style { s.Digits = true; return s }
