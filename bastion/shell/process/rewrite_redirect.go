package process

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirs rewrites a statement's redirections: here-documents become files whose path is their text, so that one to a command on the target
// can be its own, and the files of simple commands are marked.
func (w *rewriter) redirs(st *syntax.Stmt) {
	call, _ := st.Cmd.(*syntax.CallExpr)
	simple := call != nil && len(call.Args) > 0 && !again(st.Redirs) && !(len(call.Args) > 1 && call.Args[0].Lit() == "exec")
	for _, r := range st.Redirs {
		w.redir(r, simple)
	}
}

func (w *rewriter) redir(r *syntax.Redirect, simple bool) {
	if r.N != nil && r.N.Value != "0" && r.N.Value != "1" && r.N.Value != "2" {
		w.refuse(r, "file descriptor "+r.N.Value, "only 0, 1 and 2 can be redirected")
		return
	}
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		w.hereDocument(r, simple)
	case syntax.WordHdoc:
		w.target(r.Word)
		parts := append(dataMark(simple), r.Word.Parts...)
		r.Op, r.Word = syntax.RdrIn, wordOf(append(parts, quotedPart("\n"))...)
	case syntax.RdrIn, syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrClob:
		if unquoted(r.Word) {
			defer func() { r.Word.Parts = append([]syntax.WordPart{quotedPart(splitMark(simple))}, r.Word.Parts...) }()
			simple = false
		}
		w.target(r.Word)
		if r.Op == syntax.RdrClob {
			r.Op = syntax.RdrOut
		}
		if simple {
			r.Word = wordOf(append([]syntax.WordPart{quotedPart(markSimple)}, r.Word.Parts...)...)
		}
	case syntax.DplOut:
		if lit := r.Word.Lit(); lit != "1" && lit != "2" && lit != "-" {
			w.refuse(r, ">&", "only >&1, >&2 and >&- are read")
		}
	case syntax.DplIn:
		if lit := r.Word.Lit(); lit == "0" {
			r.Op, r.Word = syntax.RdrIn, quoted("/dev/stdin")
		} else if lit != "-" {
			w.refuse(r, "<&", "only <&0 and <&- are read")
		}
	default:
		w.refuse(r, r.Op.String(), "it is not read")
	}
}

func splitMark(simple bool) string {
	if simple {
		return markSimple + markSplit
	}
	return markSplit
}

// unquoted says that a word has an expansion that bash would split.
func unquoted(word *syntax.Word) bool {
	for _, p := range word.Parts {
		switch p.(type) {
		case *syntax.ParamExp, *syntax.CmdSubst:
			return true
		}
	}
	return false
}

// again says that one descriptor is redirected twice.
func again(redirs []*syntax.Redirect) bool {
	found := map[string]bool{}
	for _, r := range redirs {
		for _, fd := range descriptors(r) {
			if found[fd] {
				return true
			}
			found[fd] = true
		}
	}
	return false
}

func descriptors(r *syntax.Redirect) []string {
	switch r.Op {
	case syntax.RdrAll, syntax.AppAll:
		return []string{"1", "2"}
	case syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc, syntax.DplIn:
		return []string{"0"}
	}
	if r.N != nil {
		return []string{r.N.Value}
	}
	return []string{"1"}
}

// readsElsewhere says that a command's input is redirected.
func readsElsewhere(st *syntax.Stmt) bool {
	for _, r := range st.Redirs {
		if descriptors(r)[0] == "0" {
			return true
		}
	}
	return false
}

func dataMark(simple bool) []syntax.WordPart {
	if simple {
		return []syntax.WordPart{quotedPart(markSimple + markData)}
	}
	return []syntax.WordPart{quotedPart(markData)}
}

// hereDocument makes a here-document a word: its text, quoted, and its expansions, each in double quotes.
func (w *rewriter) hereDocument(r *syntax.Redirect, simple bool) {
	literal, ok := quotedDelimiter(r.Word)
	if !ok {
		w.refuse(r, "here-document", "its end must be quoted wholly or not at all")
		return
	}
	parts := dataMark(simple)
	body := &hereText{strip: r.Op == syntax.DashHdoc, literal: literal, start: true}
	if r.Hdoc != nil {
		for _, p := range r.Hdoc.Parts {
			lit, ok := p.(*syntax.Lit)
			if ok {
				parts = append(parts, quotedPart(body.text(lit.Value)))
				continue
			}
			w.part(&p)
			body.start = false
			parts = append(parts, &syntax.DblQuoted{Parts: []syntax.WordPart{p}})
		}
	}
	r.Op, r.Word, r.Hdoc = syntax.RdrIn, wordOf(parts...), nil
}

// hereText reads the literal text of a here-document.
type hereText struct {
	strip, literal bool
	start          bool // of a line
}

func (h *hereText) text(s string) string {
	if h.strip {
		s = h.stripped(s)
	}
	if h.literal {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\\$`\n", s[i+1]) >= 0 {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// stripped takes the tabs from the beginnings of lines.
func (h *hereText) stripped(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		if i > 0 || h.start {
			lines[i] = strings.TrimLeft(lines[i], "\t")
		}
	}
	h.start = len(lines) > 1 && lines[len(lines)-1] == "" || h.start && s == ""
	return strings.Join(lines, "\n")
}

// quotedDelimiter says whether a here-document's end is quoted; ok is false where it is so in part.
func quotedDelimiter(word *syntax.Word) (quoted, ok bool) {
	if len(word.Parts) != 1 {
		return false, false
	}
	lit, plain := word.Parts[0].(*syntax.Lit)
	if !plain {
		return true, true
	}
	return strings.Contains(lit.Value, "\\"), true
}
