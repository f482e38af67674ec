package process

import (
	"slices"
	"strconv"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/admit"
)

// pipeVariable is, in the parts of a pipeline, the number under which their statuses are kept.
const pipeVariable = "__gatehouse_pipe"

// pipeStatuses are those of the pipelines that run now. Safe for concurrent use.
type pipeStatuses struct {
	mu   sync.Mutex
	last int
	all  map[int][]int // -1 is one that is not there
}

// begin takes a number for a pipeline of n parts.
func (p *pipeStatuses) begin(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[int][]int{}
	}
	p.last++
	p.all[p.last] = slices.Repeat([]int{-1}, min(n, 1000))
	return p.last
}

func (p *pipeStatuses) put(id, part, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all := p.all[id]; part >= 0 && part < len(all) {
		all[part] = status
	}
}

func (p *pipeStatuses) take(id int) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer delete(p.all, id)
	return p.all[id]
}

// takeMark says whether a statement is a pipeline whose statuses are read, and removes the mark.
func takeMark(st *syntax.Stmt) bool {
	at := slices.IndexFunc(st.Comments, func(c syntax.Comment) bool { return c.Text == admit.PipeMark })
	if at >= 0 {
		st.Comments = slices.Delete(slices.Clone(st.Comments), at, at+1)
	}
	return at >= 0
}

// parts are the statements of a pipeline, in their order.
func parts(st *syntax.Stmt) []*syntax.Stmt {
	if b, ok := st.Cmd.(*syntax.BinaryCmd); ok && piped(b) {
		return append(parts(b.X), parts(b.Y)...)
	}
	return []*syntax.Stmt{st}
}

// keepStatuses makes each part of a pipeline that has been rewritten say its status, and the whole set PIPESTATUS.
func keepStatuses(st *syntax.Stmt, all []*syntax.Stmt) *syntax.Stmt {
	for i, part := range all {
		inner := *part
		good := &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.AndStmt, X: &inner, Y: callWith("part", strconv.Itoa(i), "0")}}
		failed := callWith("part", strconv.Itoa(i))
		call := failed.Cmd.(*syntax.CallExpr)
		call.Args = append(call.Args, wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "?"}}))
		*part = syntax.Stmt{Position: inner.Position, Cmd: &syntax.Block{Stmts: []*syntax.Stmt{{Cmd: &syntax.BinaryCmd{Op: syntax.OrStmt, X: good, Y: failed}}}}}
	}
	return blockOf(callWith("pipe", strconv.Itoa(len(all))), st, callWith("pipestatus"))
}

func callWith(name string, words ...string) *syntax.Stmt {
	st := callStmt(mark + name)
	call := st.Cmd.(*syntax.CallExpr)
	for _, w := range words {
		call.Args = append(call.Args, quoted(w))
	}
	return st
}

// pipe is one of the three builtins of it.
func (b *builtin) pipe() error {
	id, _ := strconv.Atoi(b.hc.Env.Get(pipeVariable).String())
	switch b.name {
	case "pipe":
		n, _ := strconv.Atoi(b.args[0])
		if err := b.set(pipeVariable, strconv.Itoa(b.shell.pipes.begin(n))); err != nil || b.shell.seen.mayExit() {
			return err
		}
		return code(b.hc.LastExitStatus, nil)
	case "part":
		part, _ := strconv.Atoi(b.args[0])
		status, _ := strconv.Atoi(b.args[1])
		b.shell.pipes.put(id, part, status)
		return code(status, nil)
	}
	var values []string
	for _, status := range b.shell.pipes.take(id) {
		if status < 0 {
			return refuse("PIPESTATUS", "a part of the pipeline ended before it had a status: run the commands one by one")
		}
		values = append(values, strconv.Itoa(status))
	}
	if err := b.setArray("PIPESTATUS", values); err != nil {
		return err
	}
	return code(b.hc.LastExitStatus, nil)
}
