package admit

import "mvdan.cc/sh/v3/syntax"

// bashAlone says whether a node of a text of sh is none that every sh has. The parser has refused the rest as it reads sh.
func bashAlone(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.ArrayExpr, *syntax.ProcSubst, *syntax.TimeClause, *syntax.CStyleLoop, *syntax.ExtGlob:
		return true
	case *syntax.FuncDecl:
		return n.RsrvWord
	case *syntax.SglQuoted:
		return n.Dollar
	case *syntax.Assign:
		return n.Append || n.Index != nil
	case *syntax.DeclClause:
		return n.Variant.Value != "export" && n.Variant.Value != "readonly" && n.Variant.Value != "local"
	case *syntax.BinaryCmd:
		return n.Op == syntax.PipeAll
	case *syntax.CaseItem:
		return n.Op != syntax.Break
	case *syntax.Redirect:
		return n.Op == syntax.RdrAll || n.Op == syntax.AppAll || n.Op == syntax.WordHdoc
	case *syntax.ParamExp:
		return n.Excl || n.Slice != nil || n.Repl != nil || n.Index != nil || n.Param != nil && bashNames[n.Param.Value]
	}
	return false
}

// bashNames are variables that bash fills and not every sh.
var bashNames = map[string]bool{"RANDOM": true, "SRANDOM": true, "SECONDS": true, "EPOCHSECONDS": true, "HOSTNAME": true, "UID": true, "EUID": true, "OSTYPE": true, "BASH_VERSION": true, "BASH": true, "LINENO": true}
