package shell

import (
	"strconv"
	"strings"
)

// The bounds of what the braces of one word make.
const (
	maxExpanded      = 4096 // words
	maxExpandedChars = 1 << 18
	maxBraces        = 64
)

// expandBraces expands the braces of one word.
func expandBraces(chars []char) ([][]char, error) {
	count := 0
	for _, c := range chars {
		if c.is("{") {
			count++
		}
		if count > maxBraces {
			return nil, &Refusal{"brace", c.at + 1, "a word has at most 64 braces"}
		}
	}
	return braces(chars)
}

// braces expands {a,b} and {1..5} as bash does, before anything else is read in the word: on characters, of which the
// quoted ones mean themselves. A brace that expands to nothing is refused, but for {}, which is literal.
func braces(chars []char) ([][]char, error) {
	open, shut, err := firstBrace(chars)
	if err != nil {
		return nil, err
	}
	if open < 0 {
		return [][]char{chars}, nil
	}
	middles, err := braceParts(chars[open : shut+1])
	if err != nil {
		return nil, err
	}
	tails, err := braces(chars[shut+1:])
	if err != nil {
		return nil, err
	}
	if many := len(middles) * len(tails); many > maxExpanded || many*len(chars) > maxExpandedChars {
		return nil, &Refusal{"brace", chars[open].at + 1, "it makes more than 4096 words, or too long ones"}
	}
	var words [][]char
	for _, middle := range middles {
		for _, tail := range tails {
			word := append(append(append([]char{}, chars[:open]...), middle...), tail...)
			words = append(words, word)
		}
	}
	return words, nil
}

// firstBrace finds the first pair that is not {}; open is -1 if there is none.
func firstBrace(chars []char) (open, shut int, err error) {
	for i := 0; i < len(chars); i++ {
		switch {
		case chars[i].is("}"):
			return 0, 0, &Refusal{"brace", chars[i].at + 1, "it closes nothing: quote it"}
		case !chars[i].is("{"):
		case i+1 < len(chars) && chars[i+1].is("}"):
			i++
		default:
			shut, err := closing(chars, i)
			return i, shut, err
		}
	}
	return -1, 0, nil
}

// closing finds the brace that closes the one at open.
func closing(chars []char, open int) (int, error) {
	depth := 0
	for i := open; i < len(chars); i++ {
		switch {
		case chars[i].is("{"):
			depth++
		case chars[i].is("}"):
			if depth--; depth == 0 {
				return i, nil
			}
		}
		if depth > maxNest {
			return 0, &Refusal{"brace", chars[i].at + 1, "braces are nested at most 16 deep"}
		}
	}
	return 0, &Refusal{"brace", chars[open].at + 1, "it is never closed: quote it"}
}

// braceParts returns what one pair of braces stands for.
func braceParts(chars []char) ([][]char, error) {
	inner := chars[1 : len(chars)-1]
	var parts [][]char
	depth, start := 0, 0
	for i := range inner {
		switch {
		case inner[i].is("{"):
			depth++
		case inner[i].is("}"):
			depth--
		case inner[i].is(",") && depth == 0:
			parts = append(parts, inner[start:i])
			start = i + 1
		}
	}
	if parts == nil {
		return sequence(chars)
	}
	var words [][]char
	for _, part := range append(parts, inner[start:]) {
		expanded, err := braces(part)
		if err != nil {
			return nil, err
		}
		if words = append(words, expanded...); len(words) > maxExpanded {
			return nil, &Refusal{"brace", chars[0].at + 1, "it makes more than 4096 words"}
		}
	}
	return words, nil
}

// sequence expands {1..5}, {01..10}, {a..e} and the same with a step.
func sequence(chars []char) ([][]char, error) {
	refuse := func(reason string) ([][]char, error) {
		return nil, &Refusal{"brace", chars[0].at + 1, reason}
	}
	text := ""
	for _, c := range chars[1 : len(chars)-1] {
		if c.quoted || c.home {
			return refuse("it expands to nothing: quote it")
		}
		text += c.text
	}
	fields := strings.Split(text, "..")
	if len(fields) != 2 && len(fields) != 3 {
		return refuse("it expands to nothing: quote it")
	}
	step := 1
	if len(fields) == 3 {
		n, ok := smallNumber(fields[2])
		if !ok || n < 1 {
			return refuse("the step of a sequence is a number from 1")
		}
		step = n
	}
	from, to, show, ok := ends(fields[0], fields[1])
	if !ok {
		return refuse("a sequence goes from number to number of at most 6 digits, or from letter to letter of one case")
	}
	if from > to {
		step = -step
	}
	var words [][]char
	for n := from; step > 0 && n <= to || step < 0 && n >= to; n += step {
		if len(words) == maxExpanded {
			return refuse("it makes more than 4096 words")
		}
		words = append(words, []char{{text: show(n), at: chars[0].at, quoted: true}})
	}
	return words, nil
}

// ends reads both ends of a sequence and says how its members are written.
func ends(first, last string) (from, to int, show func(int) string, ok bool) {
	if letters(first, last) {
		return int(first[0]), int(last[0]), func(n int) string { return string(rune(n)) }, true
	}
	from, ok1 := smallNumber(first)
	to, ok2 := smallNumber(last)
	width := 0
	if padded(first) || padded(last) {
		width = max(len(first), len(last))
	}
	return from, to, func(n int) string { return pad(n, width) }, ok1 && ok2
}

func letters(first, last string) bool {
	const lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	in := func(set string) bool { return strings.Contains(set, first) && strings.Contains(set, last) }
	return len(first) == 1 && len(last) == 1 && (in(lower) || in(upper))
}

func smallNumber(text string) (int, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 6 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// padded reports whether a number begins with a zero that widens the whole sequence.
func padded(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return len(digits) > 1 && digits[0] == '0'
}

// pad writes a number of at least a width, of which the minus is a part.
func pad(n, width int) string {
	text := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	return sign + strings.Repeat("0", max(0, width-len(sign)-len(text))) + text
}

// is reports whether the character is this one and unquoted.
func (c char) is(text string) bool {
	return !c.quoted && !c.home && c.text == text
}
