package shell

import (
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// maxSpine bounds how many commands are joined before the plan is built; policy.Plan.Validate has the exact bound.
const maxSpine = 128

// place is where a command stands.
type place struct {
	options
	depth  int
	tested bool // its status is looked at (before && or ||, after !), so that set -e does not hold inside
	tail   bool // the shell has nothing left to do after it, so that exec is the command itself
	more   bool // another statement of the same shell follows
	braced bool // directly in { }, whose directory would be that of what follows
}

// within is the place of a list in a subshell at p.
func (p place) within() place {
	return place{options: p.options, depth: p.depth + 1, tested: p.tested, tail: true}
}

// file converts a parsed text. Options are set by its first statements only.
func (r *reader) file(file *syntax.File, o options) (policy.Plan, error) {
	if len(file.Last) > 0 {
		return policy.Plan{}, refuse(&file.Last[0], "comment", "leave the comment out")
	}
	stmts := file.Stmts
	for len(stmts) > 0 {
		set, err := r.set(stmts[0], &o)
		if err != nil {
			return policy.Plan{}, err
		}
		if !set {
			break
		}
		stmts = stmts[1:]
	}
	if len(stmts) == 0 {
		return policy.Plan{}, &Refusal{"empty line", 1, "there is no command"}
	}
	return r.list(stmts, place{options: o, tail: true})
}

// list converts statements separated by ; or newlines.
func (r *reader) list(stmts []*syntax.Stmt, p place) (policy.Plan, error) {
	switch {
	case len(stmts) > maxSpine:
		return policy.Plan{}, tooMany(stmts[0])
	case p.depth > maxNest:
		return policy.Plan{}, refuse(stmts[0], "nesting", "groups are nested at most 16 deep")
	}
	parts, err := r.listParts(stmts, p)
	if err != nil {
		return policy.Plan{}, err
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return policy.Plan{Op: policy.OpSeq, Parts: parts}, nil
}

// listParts converts statements to the parts of a list, of which there is one if set -e makes them depend on each other.
func (r *reader) listParts(stmts []*syntax.Stmt, p place) ([]policy.Plan, error) {
	first, rest := stmts[0], stmts[1:]
	if len(rest) == 0 {
		plan, err := r.stmt(first, p)
		return []policy.Plan{plan}, err
	}
	ends := p.errexit && !p.tested
	if change := r.changeOf(first); change != "" && (change == "umask" || ends) {
		return r.listInside(first, rest, p)
	}
	before := p
	before.tail, before.more = false, true
	left, err := r.stmt(first, before)
	if err != nil {
		return nil, err
	}
	if ends && !strict(first) {
		return nil, refuse(first, "set -e", "it does not hold in a list with && or ||, or after !: group what belongs together in ( ), or join everything by &&")
	}
	right, err := r.listParts(rest, p)
	if err != nil {
		return nil, err
	}
	if !ends {
		return append([]policy.Plan{left}, right...), nil
	}
	return []policy.Plan{join(policy.OpAnd, left, right[0])}, nil
}

// listInside converts statements after one that is cd or umask.
func (r *reader) listInside(first *syntax.Stmt, rest []*syntax.Stmt, p place) ([]policy.Plan, error) {
	change, err := r.change(first, p)
	if err != nil {
		return nil, err
	}
	plan, err := r.list(rest, p)
	if err != nil {
		return nil, err
	}
	return []policy.Plan{change.around(plan)}, nil
}

// strict reports whether set -e ends the shell when the statement fails, however that came about.
func strict(s *syntax.Stmt) bool {
	if s.Negated {
		return false
	}
	switch c := s.Cmd.(type) {
	case *syntax.BinaryCmd:
		return c.Op == syntax.Pipe
	case *syntax.Block:
		return len(s.Redirs) == 0 && strict(c.Stmts[len(c.Stmts)-1])
	}
	return true
}

func (r *reader) stmt(s *syntax.Stmt, p place) (policy.Plan, error) {
	switch {
	case s.Background || s.Coprocess || s.Disown:
		return policy.Plan{}, refuse(s, "background", "a command cannot be left running")
	case len(s.Comments) > 0:
		return policy.Plan{}, refuse(&s.Comments[0], "comment", "leave the comment out")
	case s.Negated:
		return r.negated(s, p)
	}
	switch c := s.Cmd.(type) {
	case nil:
		return policy.Plan{}, refuse(s, "redirection", "there is no command")
	case *syntax.CallExpr:
		return r.call(s, c, p)
	case *syntax.BinaryCmd:
		if len(s.Redirs) > 0 {
			return policy.Plan{}, disagree(int(s.Redirs[0].OpPos.Offset()))
		}
		if c.Op == syntax.Pipe {
			return r.pipeline(c, p)
		}
		return r.chain(c, p)
	case *syntax.Subshell, *syntax.Block:
		return r.group(s, p)
	}
	return policy.Plan{}, refuse(s, commandName(s.Cmd), "only commands, groups and lists joined by |, &&, || and ; are accepted")
}

// negated converts ! and what follows.
func (r *reader) negated(s *syntax.Stmt, p place) (policy.Plan, error) {
	plain := *s
	plain.Negated = false
	p.tested, p.tail = true, false
	if name := r.changeOf(&plain); name != "" {
		return policy.Plan{}, refuse(s, name, "it cannot be negated")
	}
	if _, call := s.Cmd.(*syntax.CallExpr); !call && len(s.Redirs) > 0 { // bash does not negate the status of a group whose redirection fails
		return policy.Plan{}, refuse(s, "negation", "a group with redirections is not negated alike everywhere: write ! ( ( … ) > FILE )")
	}
	plan, err := r.stmt(&plain, p)
	if err != nil {
		return policy.Plan{}, err
	}
	if plan.Not {
		plan = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{plan}}
	}
	plan.Not = true
	return plan, nil
}

// group converts ( ) or { } with its redirections.
func (r *reader) group(s *syntax.Stmt, p place) (policy.Plan, error) {
	var stmts []*syntax.Stmt
	var last []syntax.Comment
	inner := p.within()
	switch c := s.Cmd.(type) {
	case *syntax.Subshell:
		stmts, last = c.Stmts, c.Last
		if err := r.open(c.Lparen, '('); err != nil {
			return policy.Plan{}, err
		}
	case *syntax.Block:
		stmts, last = c.Stmts, c.Last
		inner.braced, inner.tail = true, p.tail
		if err := r.open(c.Lbrace, '{'); err != nil {
			return policy.Plan{}, err
		}
	}
	if len(last) > 0 {
		return policy.Plan{}, refuse(&last[0], "comment", "leave the comment out")
	}
	if len(stmts) == 0 {
		return policy.Plan{}, refuse(s, "empty group", "there is no command")
	}
	redirs, err := r.redirs(s.Redirs)
	if err != nil {
		return policy.Plan{}, err
	}
	plan, err := r.list(stmts, inner)
	return redirected(plan, redirs), err
}

// pipeline converts a | b, each part of which is a shell of its own.
func (r *reader) pipeline(c *syntax.BinaryCmd, p place) (policy.Plan, error) {
	plan := policy.Plan{Op: policy.OpPipe, Pipefail: p.pipefail}
	stmts, err := r.flatten(c, func(op syntax.BinCmdOperator) bool { return op == syntax.Pipe })
	if err != nil {
		return policy.Plan{}, err
	}
	inside := p.within()
	inside.depth = p.depth
	for _, s := range stmts {
		if s.Negated {
			return policy.Plan{}, refuse(s, "negation", "only a whole pipeline can be negated")
		}
		if name := r.changeOf(s); name != "" {
			return policy.Plan{}, refuse(s, name, "in a pipeline it changes nothing: write ( "+name+" … && COMMAND )")
		}
		part, err := r.stmt(s, inside)
		if err != nil {
			return policy.Plan{}, err
		}
		plan.Parts = append(plan.Parts, part)
	}
	return plan, nil
}

// chain converts what && and || join. After cd or umask everything must depend on it.
func (r *reader) chain(c *syntax.BinaryCmd, p place) (policy.Plan, error) {
	all := func(op syntax.BinCmdOperator) bool { return op == syntax.AndStmt || op == syntax.OrStmt }
	stmts, err := r.flatten(c, all)
	if err != nil {
		return policy.Plan{}, err
	}
	return r.chainParts(stmts, chainOps(c, all), p)
}

func (r *reader) chainParts(stmts []*syntax.Stmt, ops []policy.Op, p place) (policy.Plan, error) {
	var plan policy.Plan
	for i, s := range stmts {
		last := i == len(stmts)-1
		var part policy.Plan
		var err error
		name := r.changeOf(s)
		switch {
		case name != "" && !last:
			part, err = r.chainInside(stmts[i:], ops, i, p)
		default:
			at := p
			at.tested, at.tail, at.more = p.tested || !last, p.tail && last, p.more || !last
			part, err = r.stmt(s, at)
		}
		if err != nil {
			return policy.Plan{}, err
		}
		if i == 0 {
			plan = part
		} else {
			plan = join(ops[i-1], plan, part)
		}
		if name != "" {
			break
		}
	}
	return plan, nil
}

// chainInside converts a chain from its cd or umask on, which is the i-th of its parts.
func (r *reader) chainInside(stmts []*syntax.Stmt, ops []policy.Op, i int, p place) (policy.Plan, error) {
	name := r.changeOf(stmts[0])
	for _, op := range ops {
		if op != policy.OpAnd {
			return policy.Plan{}, refuse(stmts[0], name, "what follows would run in either case: group it, as in "+name+" … && ( A || B )")
		}
	}
	if p.more {
		return policy.Plan{}, refuse(stmts[0], name, "what follows the ; would run in either case: write ( "+name+" … && A ); B, or join everything by &&")
	}
	change, err := r.change(stmts[0], p)
	if err != nil {
		return policy.Plan{}, err
	}
	var plan policy.Plan
	if len(stmts) == 2 {
		plan, err = r.stmt(stmts[1], p)
	} else {
		plan, err = r.chainParts(stmts[1:], ops[i+1:], p)
	}
	if err != nil {
		return policy.Plan{}, err
	}
	return change.around(plan), nil
}

// flatten lists what the same sort of operator joins, and takes the operators from the scanner.
func (r *reader) flatten(c *syntax.BinaryCmd, same func(syntax.BinCmdOperator) bool) ([]*syntax.Stmt, error) {
	var stmts []*syntax.Stmt
	if err := r.joint(c); err != nil {
		return nil, err
	}
	for _, side := range []*syntax.Stmt{c.X, c.Y} {
		inner, ok := side.Cmd.(*syntax.BinaryCmd)
		if !ok || !same(inner.Op) || side.Negated || side.Background {
			stmts = append(stmts, side)
			continue
		}
		if side == c.Y && inner.Op != syntax.Pipe || len(side.Redirs) > 0 {
			return nil, disagree(int(side.Pos().Offset()))
		}
		more, err := r.flatten(inner, same)
		if err != nil {
			return nil, err
		}
		stmts = append(stmts, more...)
	}
	if len(stmts) > maxSpine {
		return nil, tooMany(c)
	}
	return stmts, nil
}

// chainOps lists the operators between what flatten returns.
func chainOps(c *syntax.BinaryCmd, same func(syntax.BinCmdOperator) bool) []policy.Op {
	var ops []policy.Op
	if inner, ok := c.X.Cmd.(*syntax.BinaryCmd); ok && same(inner.Op) && !c.X.Negated {
		ops = chainOps(inner, same)
	}
	return append(ops, policy.Op(c.Op.String()))
}

// join makes one level of what joins from the left: (a && b) && c.
func join(op policy.Op, left, right policy.Plan) policy.Plan {
	bare := left.Dir == "" && left.Umask == "" && len(left.Redirs) == 0 && !left.Not
	if left.Op == op && bare {
		return policy.Plan{Op: op, Parts: append(left.Parts, right)}
	}
	return policy.Plan{Op: op, Parts: []policy.Plan{left, right}}
}

// commandName names a compound command for its refusal.
func commandName(c syntax.Command) string {
	switch c := c.(type) {
	case *syntax.IfClause:
		return "if"
	case *syntax.WhileClause:
		return "loop"
	case *syntax.ForClause:
		return "loop"
	case *syntax.CaseClause:
		return "case"
	case *syntax.FuncDecl:
		return "function"
	case *syntax.DeclClause:
		return "declaration (" + c.Variant.Value + ")"
	case *syntax.LetClause:
		return "let"
	case *syntax.TimeClause:
		return "time"
	case *syntax.CoprocClause:
		return "coproc"
	case *syntax.TestClause:
		return "[["
	}
	return "compound command"
}

func tooMany(n syntax.Node) error {
	return refuse(n, "long list", "a line has at most 64 commands")
}
