package main

import (
	"fmt"
	"strings"
)

const docHead = `# Guarantees

What Gatehouse promises, who keeps the promise, which test would notice if it were broken, and where the promise ends.
Each row has a mutation: a small change to the source that breaks the guarantee. ` + "`make prove`" + ` applies them one at a time and
expects the row's test to fail; a test that stays green is a defect. The numbers are those of the invariants in
[architecture.md](architecture.md).

This page is made from scripts/prove/guarantees.yaml by ` + "`go run ./scripts/prove -doc`" + `; a test holds the two together.

| id | inv. | guarantee | enforced by | test | mutation | limit |
|---|---|---|---|---|---|---|
`

// render is docs/guarantees.md.
func render(rows []row) string {
	var sb strings.Builder
	sb.WriteString(docHead)
	for _, r := range rows {
		replaced := "nothing"
		if r.New != "" {
			replaced = code(r.New)
		}
		fmt.Fprintf(&sb, "| %s | %s | %s | %s | %s in %s | %s: %s becomes %s | %s |\n", r.ID, r.Invariant, cell(r.Guarantee), code(r.Function),
			code(r.Test), code(r.Package), code(r.File), code(r.Old), replaced, cell(r.Limit))
	}
	return sb.String()
}

// cell keeps a table's cell on one line and in its column.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

func code(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + cell(s) + fence
}
