package policy

import (
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of what people approve.
const (
	maxApprovals = 16 // people of one threshold
	maxAllOf     = 8  // thresholds of one rule
	maxUses      = 1_000_000
	minBeat      = 5 * time.Second
)

// What a rule means that does not say otherwise.
const (
	declineOne    = "one"
	declineQuorum = "quorum"
	usesAny       = "any"

	defaultWithin = 15 * time.Minute
)

// askDefault are the terms of an ask rule, roleDefault those of a role that is asked for.
var (
	askDefault = Approval{Approvals: 1, Within: seconds(defaultWithin), Decline: declineOne, Wait: seconds(defaultWithin), For: seconds(10 * time.Minute), Uses: 1}

	roleDefault = Approval{Approvals: 1, Within: seconds(defaultWithin), Decline: declineOne, For: seconds(time.Hour)}
)

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// termsReader reads what people must approve, and what they give with it.
type termsReader struct {
	b      *builder
	line   bool // it is about a command, which waits on the line
	common Approval
	parts  []Approval // all_of
	people bool       // approvals or from was said
	waits  bool       // wait was said
}

// fields are those of an ask rule, or of an item of request.
func (t *termsReader) fields() map[string]func(value) {
	fields := t.peopleFields(&t.common)
	for _, name := range []string{"approvals", "from"} {
		read := fields[name]
		fields[name] = func(v value) { t.people = true; read(v) }
	}
	fields["all_of"] = t.readAllOf
	fields["within"] = func(v value) { t.common.Within = readSeconds(v) }
	fields["for"] = func(v value) { t.common.For = readSeconds(v) }
	fields["uses"] = func(v value) { t.common.Uses = readUses(v) }
	fields["decline"] = func(v value) { t.common.Decline, _ = v.word(declineOne, declineQuorum) }
	fields["heartbeat"] = func(v value) { t.common.Beat = readBeat(v) }
	if t.line {
		fields["wait"] = func(v value) { t.waits = true; t.common.Wait = readWait(v) }
	}
	return fields
}

// peopleFields are those that say who must approve.
func (t *termsReader) peopleFields(a *Approval) map[string]func(value) {
	return map[string]func(value){
		"approvals":  func(v value) { a.Approvals = int(v.count(maxApprovals)) },
		"from":       func(v value) { a.From = t.b.readGroupNames(v) },
		"approve_by": func(v value) { a.By, _ = v.word("passkey", "ssh") },
	}
}

// readAllOf reads several thresholds, each of which must be met.
func (t *termsReader) readAllOf(v value) {
	items := v.list()
	if len(items) > maxAllOf {
		v.problem("%s has more than %d items", v.what, maxAllOf)
		return
	}
	for _, item := range items {
		part := Approval{Approvals: 1}
		item.fields(t.peopleFields(&part))
		t.parts = append(t.parts, part)
	}
}

// finish returns the terms, one for each threshold, and reports fields that contradict each other.
func (t *termsReader) finish(v value) []Approval {
	c := &t.common
	if t.line && !t.waits {
		c.Wait = c.Within
	}
	switch {
	case t.people && len(t.parts) > 0:
		v.problem("%s has all_of, and approvals or from: say it in all_of alone", v.what)
	case c.Wait > c.Within:
		v.problem("%s waits longer than its request lives: wait is at most within, %s", v.what, time.Duration(c.Within)*time.Second)
	case c.Beat > 0 && c.Beat >= c.For:
		v.problem("%s wants a heartbeat less often than a grant lives: heartbeat is shorter than for, %s", v.what, time.Duration(c.For)*time.Second)
	}
	if len(t.parts) == 0 {
		return []Approval{*c}
	}
	list := make([]Approval, 0, len(t.parts))
	for _, part := range t.parts {
		a := *c
		a.Approvals, a.From = part.Approvals, part.From
		if part.By != "" {
			a.By = part.By
		}
		if slices.ContainsFunc(list, a.same) {
			v.problem("%s has the same item in all_of twice: write approvals: 2 for two people", v.what)
		}
		list = append(list, a)
	}
	return list
}

// readUses reads how many commands a grant is good for; "any" is no bound.
func readUses(v value) int64 {
	if n, ok := v.node.(*ast.StringNode); ok && n.Value == usesAny {
		return 0
	}
	if _, ok := v.node.(*ast.IntegerNode); !ok {
		v.expect("a whole number, or any")
		return 0
	}
	return v.count(maxUses)
}

// readWait reads how long a command waits; 0s is not at all.
func readWait(v value) int64 {
	text, ok := v.text()
	if !ok {
		return 0
	}
	if d, err := time.ParseDuration(text); err == nil && d == 0 {
		return 0
	}
	return readSeconds(v)
}

func readBeat(v value) int64 {
	beat := readSeconds(v)
	if beat > 0 && beat < seconds(minBeat) {
		v.problem("%s is %s, and the shortest is %s", v.what, strconv.FormatInt(beat, 10)+"s", minBeat)
	}
	return beat
}
