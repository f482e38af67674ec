package main

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/internal/approval"
	"gatehouse/recorder/audit"
)

// printApprovals says what people approved of what a bundle proves, and everything that does not fit; it returns how much that is.
// Words out of it are quoted.
func printApprovals(w io.Writer, r audit.BundleReport) (findings int) {
	if r.Bad != nil {
		return 0
	}
	list, wrong := approval.Check(r.Kept, r.Policies)
	for _, a := range list {
		by := a.Request.By
		fmt.Fprintf(w, "request      %q by %q, task %q, on %q: %q, %s\n", a.Request.ID, by.Principal, by.Task, strings.Join(a.Request.Scope.Targets, " "), approval.What(a.Request), a.Hash)
		for _, p := range a.Approvers {
			fmt.Fprintf(w, "approved     by %q at %s with %s\n", "person:"+p.Person, p.At.UTC().Format("2006-01-02 15:04:05 UTC"), withKey(p))
		}
		if a.Grant != "" {
			fmt.Fprintf(w, "grant        %q, commands run by it: %d\n", a.Grant, len(a.Ran))
		}
		for _, n := range a.Notes {
			fmt.Fprintf(w, "note         %q: %s\n", a.Request.ID, n)
		}
	}
	for _, f := range wrong {
		fmt.Fprintf(w, "BAD          %s\n", f)
	}
	return len(wrong)
}

// withKey is what somebody proved with.
func withKey(p approval.Approver) string {
	text := p.Key
	if p.Origin != "" {
		text += fmt.Sprintf(" at %q", p.Origin)
	}
	if p.For != "" {
		text += fmt.Sprintf(", in the place of %q", "person:"+p.For)
	}
	return text
}
