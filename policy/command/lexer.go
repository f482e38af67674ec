package command

import (
	"fmt"
	"strings"
)

// SyntaxError says what is wrong with a pattern and where. Column counts bytes of the pattern from 1.
type SyntaxError struct {
	Column  int
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// tokenKind says what a token is.
type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a plain word
	tokenQuoted           // a quoted word
	tokenKey              // a plain word that ends in "=", or numberKey, with a slot right behind it
	tokenSlot             // <…>, text without the brackets
	tokenMark             // one of ( ) [ ] | ...
)

type token struct {
	kind tokenKind
	text string
	at   int // byte offset
}

func (t token) is(mark string) bool { return t.kind == tokenMark && t.text == mark }

// lexer cuts a pattern into tokens.
type lexer struct {
	text string
	at   int
}

// next returns the token at the lexer's place and moves past it.
func (l *lexer) next() (token, error) {
	for l.at < len(l.text) && (l.text[l.at] == ' ' || l.text[l.at] == '\n' || l.text[l.at] == '\t') {
		l.at++
	}
	start := l.at
	if start == len(l.text) {
		return token{kind: tokenEnd, at: start}, nil
	}
	if strings.HasPrefix(l.text[start:], "...") {
		l.at += 3
		return token{tokenMark, "...", start}, nil
	}
	switch c := l.text[start]; c {
	case '(', ')', '[', ']', '|':
		l.at++
		return token{tokenMark, string(c), start}, nil
	case '<':
		return l.until('>', tokenSlot, "this slot has no closing >")
	case '"', '\'':
		return l.until(c, tokenQuoted, "this quote is not closed")
	}
	return l.word()
}

// until reads a token that runs from the current byte to the closing one.
func (l *lexer) until(closing byte, kind tokenKind, problem string) (token, error) {
	start := l.at
	length := strings.IndexByte(l.text[start+1:], closing)
	if length < 0 {
		return token{}, l.errorAt(start, problem)
	}
	l.at = start + 1 + length + 1
	text := l.text[start+1 : start+1+length]
	switch {
	case kind == tokenSlot && !l.atBoundary():
		return token{}, l.errorAt(l.at, "a slot ends here, and the next word needs a space before it")
	case kind == tokenQuoted && !l.atBoundary():
		return token{}, l.errorAt(l.at, "a quoted word ends here, and the next one needs a space before it")
	case kind == tokenQuoted && partlyUnknown(text):
		return token{}, l.errorAt(start, "this word has the characters that stand for an unknown word")
	}
	return token{kind, text, start}, nil
}

func (l *lexer) word() (token, error) {
	start := l.at
	for l.at < len(l.text) && plainByte(l.text[l.at]) && !strings.HasPrefix(l.text[l.at:], "...") {
		l.at++
	}
	if l.at < len(l.text) && l.text[l.at] == '<' && isKey(l.text[start:l.at]) {
		return token{tokenKey, l.text[start:l.at], start}, nil
	}
	if !l.atBoundary() {
		return token{}, l.wordError(start)
	}
	return token{tokenWord, l.text[start:l.at], start}, nil
}

// isKey reports whether a slot may stand right behind a word: behind name= and behind the "-" of an option that is a number.
func isKey(word string) bool {
	return word == numberKey || len(word) > 1 && word[len(word)-1] == '='
}

// wordError explains the byte that cannot stand in a plain word.
func (l *lexer) wordError(start int) error {
	switch c := l.text[l.at]; {
	case c == '<':
		return l.errorAt(l.at, fmt.Sprintf("a slot is a word of its own, or stands behind a name and =, as in if=<…>: put a space before it (an option --name <…> also accepts --name=VALUE); found after %q", l.text[start:l.at]))
	case c == '*' || c == '?':
		return l.errorAt(l.at, fmt.Sprintf("%q in a plain word is not a wildcard: use a slot such as <glob:…>, or quote the word", c))
	case c >= 0x80:
		return l.errorAt(l.at, "a plain word is ASCII: quote the word if it really has other letters")
	case c < 0x20 || c == 0x7f:
		return l.errorAt(l.at, fmt.Sprintf("the control character %q cannot stand in a pattern", c))
	default:
		return l.errorAt(l.at, fmt.Sprintf("%q cannot stand in a plain word: quote the word", c))
	}
}

// atBoundary reports whether a word may end at the lexer's place.
func (l *lexer) atBoundary() bool {
	return l.at == len(l.text) || strings.IndexByte(" \t\n()[]|", l.text[l.at]) >= 0 || strings.HasPrefix(l.text[l.at:], "...")
}

func (l *lexer) errorAt(offset int, message string) error {
	return &SyntaxError{Column: offset + 1, Message: message}
}

// plainByte reports whether c can stand in a word without quotes.
func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:=,@%+^", c) >= 0
}
