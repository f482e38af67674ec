package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// addApproval adds what another ask rule of the same plan wants. Each is a condition of its own.
func addApproval(list []Approval, a Approval) []Approval {
	if slices.ContainsFunc(list, a.same) {
		return list
	}
	return append(list, a)
}

func (a Approval) same(other Approval) bool { return reflect.DeepEqual(a, other) }

// approvalText says what is wanted, for the client.
func approvalText(list []Approval) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.text()
	}
	return "this runs only after " + strings.Join(texts, ", and ")
}

func (a Approval) text() string {
	people := "one person approves it"
	if a.Approvals > 1 {
		people = fmt.Sprintf("%d people approve it", a.Approvals)
	}
	if len(a.From) > 0 {
		people += " from " + strings.Join(a.From, ", ")
	}
	return people
}

// readGroupNames reads names of groups, which must exist.
func (b *builder) readGroupNames(v value) []string {
	var list []string
	for _, item := range v.list() {
		text, ok := item.text()
		if !ok {
			continue
		}
		list = append(list, text)
		b.checks = append(b.checks, func() { b.checkGroup(item, text) })
	}
	return list
}
