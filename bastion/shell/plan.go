package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// maxSpine bounds how many commands are joined before the plan is built; policy.Plan.Validate has the exact bound.
const maxSpine = 128

// filePlan converts a parsed line.
func filePlan(file *syntax.File) (policy.Plan, error) {
	if len(file.Stmts) == 0 {
		return policy.Plan{}, &Refusal{"empty line", 1, "there is no command"}
	}
	if len(file.Last) > 0 {
		return policy.Plan{}, &Refusal{"comment", column(file.Last[0].Pos()), "leave the comment out"}
	}
	if len(file.Stmts) > maxSpine {
		return policy.Plan{}, tooMany(file.Stmts[maxSpine])
	}
	parts := make([]policy.Plan, len(file.Stmts))
	for i, s := range file.Stmts {
		p, err := stmtPlan(s, 0)
		if err != nil {
			return policy.Plan{}, err
		}
		parts[i] = p
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return policy.Plan{Op: policy.OpSeq, Parts: parts}, nil
}

func stmtPlan(s *syntax.Stmt, depth int) (policy.Plan, error) {
	switch {
	case depth > maxSpine:
		return policy.Plan{}, tooMany(s)
	case s.Negated:
		return policy.Plan{}, refuse(s, "negation", "the exit status cannot be inverted")
	case s.Background || s.Coprocess || s.Disown:
		return policy.Plan{}, refuse(s, "background", "a command cannot be left running")
	case len(s.Redirs) > 0:
		return policy.Plan{}, refuse(s.Redirs[0], "redirection", "quoted it would be literal")
	case len(s.Comments) > 0:
		return policy.Plan{}, refuse(&s.Comments[0], "comment", "leave the comment out")
	}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		return callPlan(c)
	case *syntax.BinaryCmd:
		return binaryPlan(c, depth)
	}
	return policy.Plan{}, refuse(s, commandName(s.Cmd), "only simple commands joined by |, &&, || and ; are accepted")
}

func binaryPlan(c *syntax.BinaryCmd, depth int) (policy.Plan, error) {
	op := policy.Op(c.Op.String())
	if op != policy.OpPipe && op != policy.OpAnd && op != policy.OpOr {
		return policy.Plan{}, &Refusal{c.Op.String(), column(c.OpPos), "only |, && and || join commands"}
	}
	left, err := stmtPlan(c.X, depth+1)
	if err != nil {
		return policy.Plan{}, err
	}
	right, err := stmtPlan(c.Y, depth+1)
	if err != nil {
		return policy.Plan{}, err
	}
	return join(op, left, right), nil
}

// join makes one level of what is the same on either side: a | (b | c) and (a && b) && c.
func join(op policy.Op, left, right policy.Plan) policy.Plan {
	parts := []policy.Plan{left}
	if left.Op == op {
		parts = left.Parts
	}
	if op == policy.OpPipe && right.Op == op {
		return policy.Plan{Op: op, Parts: append(parts, right.Parts...)}
	}
	return policy.Plan{Op: op, Parts: append(parts, right)}
}

func callPlan(c *syntax.CallExpr) (policy.Plan, error) {
	if len(c.Assigns) > 0 {
		return policy.Plan{}, refuse(c.Assigns[0], "assignment", "variables are set by SSH env requests (SetEnv), where the policy lists them")
	}
	argv := make(policy.Argv, len(c.Args))
	for i, w := range c.Args {
		word, err := literalWord(w)
		if err != nil {
			return policy.Plan{}, err
		}
		argv[i] = word
	}
	return policy.Plan{Op: policy.OpRun, Argv: argv}, nil
}

// literalWord resolves the quotes of a word as bash does.
func literalWord(w *syntax.Word) (string, error) {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			unescape(&b, p.Value, "")
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", refuse(p, "ANSI-C quoting", "use plain quotes")
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			if p.Dollar {
				return "", refuse(p, "locale quoting", "use plain quotes")
			}
			for _, inner := range p.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok {
					return "", refuse(inner, "expansion", "only literal words are accepted")
				}
				unescape(&b, lit.Value, "$`\"\\")
			}
		default:
			return "", refuse(part, "expansion", "only literal words are accepted")
		}
	}
	return b.String(), nil
}

// unescape removes the backslashes that bash removes: outside quotes before any character (only is ""), inside double
// quotes before one of only.
func unescape(b *strings.Builder, text, only string) {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (only == "" || strings.IndexByte(only, text[i+1]) >= 0) {
			i++
		}
		b.WriteByte(text[i])
	}
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

func refuse(n syntax.Node, construct, reason string) error {
	return &Refusal{construct, column(n.Pos()), reason}
}
