package process

import (
	"io"
	"strconv"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Bash expands a command's words before it redirects: the errors of $(…) go where the command's own would have gone without its 2>. The
// interpreter redirects first. So a command with both stands in a block whose 2> keeps the standard error that is around it, and $(…) in
// its words writes there.

// The paths of the two, before a number.
const (
	markKeep = mark + "k" // keeps what is around
	markKept = mark + "K" // is it
)

// keptVariable is the key under which it is kept, for each such command of the text.
const keptVariable = "__gatehouse_kept"

// kept are the standard errors that are kept while their commands run.
type kept struct {
	mu  sync.Mutex
	n   int64
	all map[string]io.Writer
}

// number is one more.
func (k *kept) number() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n++
	return k.n
}

// keeper ends the keeping when the command's redirections end.
type keeper struct {
	writerAgain
	of  *kept
	key string
}

func (k *keeper) Close() error {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	delete(k.of.all, k.key)
	return nil
}

// keep keeps the standard error of the caller.
func (s *Shell) keep(hc interp.HandlerContext, number string) (io.ReadWriteCloser, error) {
	s.kept.mu.Lock()
	s.kept.n++
	key := strconv.FormatInt(s.kept.n, 10)
	if s.kept.all == nil {
		s.kept.all = map[string]io.Writer{}
	}
	s.kept.all[key] = hc.Stderr
	s.kept.mu.Unlock()
	err := environOf(runnerOf(hc)).Set(keptVariable+number, expand.Variable{Set: true, Kind: expand.String, Str: key})
	return &keeper{writerAgain: writerAgain{hc.Stderr}, of: &s.kept, key: key}, err
}

// keptFor is what was kept; the caller's own where it is no more.
func (s *Shell) keptFor(hc interp.HandlerContext, number string) io.ReadWriteCloser {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if w, ok := s.kept.all[hc.Env.Get(keptVariable+number).String()]; ok {
		return sameWriter(w)
	}
	return sameWriter(hc.Stderr)
}

// errorsBeside says that a command redirects its errors and has $(…) in its words.
func errorsBeside(st *syntax.Stmt) bool {
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok {
		return false
	}
	redirects := false
	for _, r := range st.Redirs {
		redirects = redirects || r.N != nil && r.N.Value == "2" || r.Op == syntax.RdrAll || r.Op == syntax.AppAll
	}
	runs := false
	for _, word := range call.Args {
		syntax.Walk(word, func(n syntax.Node) bool {
			_, sub := n.(*syntax.CmdSubst)
			runs = runs || sub
			return !runs
		})
	}
	return redirects && runs
}

// keeping puts a command into the block that keeps.
func keeping(st *syntax.Stmt, number string) *syntax.Stmt {
	inner := *st
	inner.Negated, inner.Background = false, false
	outer := &syntax.Stmt{Position: st.Position, Semicolon: st.Semicolon, Negated: st.Negated, Background: st.Background, Cmd: blockOf(&inner).Cmd}
	outer.Redirs = []*syntax.Redirect{toErrors(markKeep + number)}
	return outer
}

func toErrors(path string) *syntax.Redirect {
	return &syntax.Redirect{Op: syntax.RdrOut, N: &syntax.Lit{Value: "2"}, Word: quoted(path)}
}
