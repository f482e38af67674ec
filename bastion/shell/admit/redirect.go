package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirect reads what a command's input and output are turned to.
func (w *walker) redirect(r *syntax.Redirect) {
	if end := offset(r.Word.End()); strings.Trim(r.Word.Lit(), "0123456789") == "" && r.Word.Lit() != "" && end < len(w.text) && strings.IndexByte("<>", w.text[end]) >= 0 {
		w.refuse(r.Word.Pos(), notUnderstood) // to bash it is the number of the redirection that follows
	}
	if r.N != nil && strings.HasPrefix(r.N.Value, "{") || r.N != nil && len(r.N.Value) > 1 {
		w.refuse(r.Pos(), descriptor)
		return
	}
	number := ""
	if r.N != nil {
		number = r.N.Value
	}
	switch r.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
		w.descriptorIs(r, number, "", "1", "2")
		w.target(r)
	case syntax.RdrAll, syntax.AppAll:
		w.descriptorIs(r, number, "")
		w.target(r)
	case syntax.RdrIn:
		w.descriptorIs(r, number, "", "0")
		w.target(r)
	case syntax.WordHdoc:
		w.descriptorIs(r, number, "", "0")
	case syntax.Hdoc, syntax.DashHdoc:
		w.descriptorIs(r, number, "", "0")
		w.document(r)
	case syntax.DplOut:
		w.descriptorIs(r, number, "", "1", "2")
		w.duplicate(r)
	case syntax.DplIn:
		w.refuse(r.Pos(), inputDuplicate)
	default:
		w.refuse(r.Pos(), readWrite)
	}
}

func (w *walker) descriptorIs(r *syntax.Redirect, number string, fine ...string) {
	for _, f := range fine {
		if number == f {
			return
		}
	}
	w.refuse(r.Pos(), descriptor)
}

func (w *walker) duplicate(r *syntax.Redirect) {
	switch r.Word.Lit() {
	case "1", "2":
	case "-":
		w.refuse(r.Pos(), closedOutput)
	default:
		w.refuse(r.Pos(), outputDuplicate)
	}
}

// target reads the name of a file.
func (w *walker) target(r *syntax.Redirect) {
	if lit := leading(r.Word); strings.HasPrefix(lit, "/dev/tcp/") || strings.HasPrefix(lit, "/dev/udp/") || strings.HasPrefix(lit, "/dev/fd/") {
		w.refuse(r.Word.Pos(), deviceFile)
	}
	for _, part := range r.Word.Parts {
		if lit, ok := part.(*syntax.Lit); ok && strings.ContainsAny(unescaped(lit.Value), "*?[{") {
			w.refuse(lit.Pos(), globTarget)
		}
	}
}

// document reads the word that ends a here-document.
func (w *walker) document(r *syntax.Redirect) {
	if len(r.Word.Parts) != 1 {
		w.refuse(r.Word.Pos(), documentEnd)
		return
	}
	switch part := r.Word.Parts[0].(type) {
	case *syntax.Lit:
		if strings.Contains(part.Value, `\`) && strings.Count(part.Value, `\`) != 1 || part.Value == "" {
			w.refuse(r.Word.Pos(), documentEnd)
		}
	case *syntax.SglQuoted:
		if part.Dollar || part.Value == "" || strings.Contains(part.Value, "\n") {
			w.refuse(r.Word.Pos(), documentEnd)
		}
	case *syntax.DblQuoted:
		if lit := (&syntax.Word{Parts: part.Parts}).Lit(); part.Dollar || lit == "" || strings.ContainsAny(lit, "\\\n") {
			w.refuse(r.Word.Pos(), documentEnd)
		}
	default:
		w.refuse(r.Word.Pos(), documentEnd)
	}
}

// leading is the literal text that a word begins with, its quotes removed.
func leading(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(part.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			inner := &syntax.Word{Parts: part.Parts}
			b.WriteString(leading(inner))
			if inner.Lit() == "" && len(part.Parts) > 0 {
				return b.String()
			}
		default:
			return b.String()
		}
	}
	return b.String()
}

// unescaped removes what backslashes quote.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
