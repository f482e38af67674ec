package lab

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/rogpeppe/go-internal/diff"

	"gatehouse/policy"
)

// TightenOptions say how far to go.
type TightenOptions struct {
	Parse Parser
	Few   int // slots with at most so many different words become enums
	Tests int // at most so many tests are added for each rule
}

// Tightened is a smaller policy and what is smaller in it.
type Tightened struct {
	Files    []policy.File `json:"-"`
	Removed  []string      `json:"removed"`  // rules that nothing used
	Narrowed []Narrowed    `json:"narrowed"` // rules whose slots are tighter
	ByHand   []string      `json:"by_hand"`  // rules that nothing used, in YAML that is not edited here
	Dropped  []string      `json:"dropped"`  // tests that expected what is not allowed any more
	Added    int           `json:"added"`    // tests, from observed lines
	Seen     int           `json:"seen"`     // requests that were let through
	Unknown  int           `json:"unknown"`  // requests that were let through then and that the policy denies
	Patch    string        `json:"patch"`    // a unified diff of the files
}

// Narrowed is one rule's pattern before and after.
type Narrowed struct {
	Rule string `json:"rule"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// errOwnTests says that there is nothing to build on.
var errOwnTests = errors.New("the policy's own tests fail: mend them first")

// Tighten makes the smallest policy that would have let through what was let through in a history: allow and ask rules that
// nothing used are gone, slots that took few values take only these, and observed lines are tests. Deny rules stay. The
// result parses, its tests hold, and the history is decided as before; Tighten fails rather than return another.
func Tighten(files []policy.File, history History, o TightenOptions) (Tightened, error) {
	p, err := policy.Parse(files)
	if err != nil {
		return Tightened{}, err
	}
	if Failed(Inline(p, o.Parse)) > 0 {
		return Tightened{}, errOwnTests
	}
	seen, err := observe(p, history)
	if err != nil {
		return Tightened{}, err
	}
	for _, few := range []int{o.Few, 0} { // if narrowing should change an outcome, only rules are removed
		t := tightening{p: p, files: files, seen: seen, o: o, few: few}
		out, err := t.run()
		if err != nil {
			return Tightened{}, err
		}
		smaller, err := policy.Parse(out.Files)
		if err == nil && Failed(Inline(smaller, o.Parse)) == 0 && !seen.changed(p, smaller) {
			return out, nil
		}
	}
	return Tightened{}, errors.New("the tightened policy does not decide the history as before: nothing was changed")
}

// observation is what a history shows of a policy.
type observation struct {
	let     []policy.Request      // what was let through and the policy lets through
	unknown int                   // what was let through and the policy does not
	argvs   map[string][][]string // by rule
	whole   map[string]bool       // rules that were used in a way that their argvs do not show
	lines   map[string][]policy.Request
}

func observe(p *policy.Policy, history History) (*observation, error) {
	o := &observation{argvs: map[string][][]string{}, whole: map[string]bool{}, lines: map[string][]policy.Request{}}
	seen := map[string]bool{}
	for record, err := range history {
		if err != nil {
			return nil, err
		}
		r := record.request()
		d := decideAs(p, r)
		switch {
		case record.Verdict == policy.Deny:
			continue
		case d.Verdict == policy.Deny:
			o.unknown++
			continue
		}
		if key := requestKey(r); !seen[key] {
			seen[key] = true
			o.let = append(o.let, r)
		}
		o.note(r, d)
	}
	return o, nil
}

// note keeps which rule took which argv.
func (o *observation) note(r policy.Request, d policy.Decision) {
	commands := r.Plan.Commands()
	for i, rule := range d.Rules {
		if len(o.lines[rule]) < maxObserved {
			o.lines[rule] = append(o.lines[rule], r)
		}
		if len(commands) != len(d.Rules) {
			o.whole[rule] = true
			continue
		}
		argv := commands[i]
		if !slices.ContainsFunc(o.argvs[rule], func(other []string) bool { return slices.Equal(other, argv) }) && len(o.argvs[rule]) <= maxObserved {
			o.argvs[rule] = append(o.argvs[rule], argv)
		}
	}
}

func (o *observation) used(rule string) bool { return o.whole[rule] || len(o.argvs[rule]) > 0 }

// changed reports whether a request of the history would be decided otherwise.
func (o *observation) changed(old, new *policy.Policy) bool {
	return slices.ContainsFunc(o.let, func(r policy.Request) bool { return decideAs(old, r).Verdict != decideAs(new, r).Verdict })
}

// tightening is one attempt.
type tightening struct {
	p     *policy.Policy
	files []policy.File
	seen  *observation
	o     TightenOptions
	few   int
	out   Tightened
}

func (t *tightening) run() (Tightened, error) {
	t.out = Tightened{Seen: len(t.seen.let), Unknown: t.seen.unknown, Removed: []string{}, Narrowed: []Narrowed{}, ByHand: []string{}, Dropped: []string{}}
	// 1. The rules alone, to see which tests do not hold any more.
	docs, err := t.documents()
	if err != nil {
		return Tightened{}, err
	}
	t.rules(docs)
	smaller, err := policy.Parse(t.render(docs))
	if err != nil {
		return Tightened{}, fmt.Errorf("the tightened policy is not valid: %w", err)
	}
	failing := map[int]bool{}
	for i, r := range Inline(smaller, t.o.Parse) {
		failing[i] = r.Problem != ""
	}
	// 2. Again, without these tests and with new ones.
	docs, err = t.documents()
	if err != nil {
		return Tightened{}, err
	}
	t.out.Removed, t.out.Narrowed, t.out.ByHand = []string{}, []Narrowed{}, []string{}
	t.rules(docs)
	if err := t.tests(docs, failing, t.observed(smaller)); err != nil {
		return Tightened{}, err
	}
	t.out.Files = t.render(docs)
	for i, f := range t.files {
		t.out.Patch += string(diff.Diff(f.Name, f.Data, f.Name, t.out.Files[i].Data))
	}
	return t.out, nil
}

func (t *tightening) documents() ([]*document, error) {
	docs := make([]*document, len(t.files))
	for i, f := range t.files {
		d, err := parseDocument(f.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		docs[i] = d
	}
	return docs, nil
}

func (t *tightening) render(docs []*document) []policy.File {
	out := make([]policy.File, len(docs))
	for i, d := range docs {
		out[i] = policy.File{Name: t.files[i].Name, Data: []byte(d.apply())}
	}
	return out
}

// rules removes and narrows the rules of every role.
func (t *tightening) rules(docs []*document) {
	lists := map[string][]policy.RuleInfo{}
	for _, rule := range t.p.Rules() {
		if rule.Kind != policy.DenyRule {
			key := rule.Role + "\x00" + string(rule.Kind)
			lists[key] = append(lists[key], rule)
		}
	}
	for _, role := range t.p.Roles() {
		for _, kind := range []policy.RuleKind{policy.AllowRule, policy.AskRule} {
			if rules := lists[role.Name+"\x00"+string(kind)]; len(rules) > 0 {
				t.list(docs, role.Name, kind, rules)
			}
		}
	}
}

// list is one list of rules in the file where it stands.
func (t *tightening) list(docs []*document, role string, kind policy.RuleKind, rules []policy.RuleInfo) {
	unused := map[int]bool{}
	for i, rule := range rules {
		if !t.seen.used(rule.ID) {
			unused[i] = true
		}
	}
	for _, d := range docs {
		m := d.mappingAt("roles", role)
		if e := entry(m, string(kind)); e == nil {
			continue
		}
		before := slices.Clone(d.edits)
		err := d.removeItems(m, string(kind), unused, false)
		if err != nil {
			d.edits = before
		}
		for i, rule := range rules {
			switch {
			case !unused[i]:
				t.narrow(d, m, kind, i, rule)
			case err != nil:
				t.out.ByHand = append(t.out.ByHand, rule.ID)
			default:
				t.out.Removed = append(t.out.Removed, rule.ID)
			}
		}
		return
	}
}

func (t *tightening) narrow(d *document, m *ast.MappingNode, kind policy.RuleKind, i int, rule policy.RuleInfo) {
	if t.few == 0 || t.seen.whole[rule.ID] {
		return
	}
	old := rule.Pattern.String()
	tight := narrowing{t.p.ParsePattern, t.seen.argvs[rule.ID], t.few}.narrow(old)
	if tight == old {
		return
	}
	if n := pattern(m, kind, i); n != nil && d.setText(n, tight) == nil {
		t.out.Narrowed = append(t.out.Narrowed, Narrowed{rule.ID, old, tight})
	}
}

// observed makes tests of what was let through, as they are written in a policy. A line that would not be decided alike as a
// test, without its task and time, is left out.
func (t *tightening) observed(p *policy.Policy) []string {
	var out []string
	known := map[string]bool{}
	for _, test := range t.p.Tests() {
		known[test.As+" "+test.Target+" "+string(test.Login)+" "+test.Run] = true
	}
	for _, rule := range t.p.Rules() {
		n := 0
		for _, r := range t.seen.lines[rule.ID] {
			as := strings.TrimPrefix(r.Identity.Principal(), "agent:")
			line := r.Plan.String()
			key := as + " " + r.Target + " " + string(r.Login) + " " + line
			if n >= t.o.Tests || known[key] || len(r.Env) > 0 || Show(line) != line {
				continue
			}
			ask := Ask{As: as, Target: Target{Name: r.Target}, Login: r.Login, Line: line, PTY: r.PTY}
			_, d := ask.decide(p, t.o.Parse)
			if d.Verdict == policy.Deny || d.Governed() || d.Verdict != decideAs(t.p, r).Verdict {
				continue
			}
			known[key] = true
			n++
			out = append(out, testText(ask, d.Verdict))
		}
	}
	return out
}

func testText(ask Ask, expect policy.Verdict) string {
	pty := ""
	if ask.PTY {
		pty = ", pty: true"
	}
	return fmt.Sprintf("{as: %s, on: %s, login: %s, run: %s%s, expect: %s}", strconv.Quote(ask.As), ask.Target.Name, ask.Login, strconv.Quote(ask.Line), pty, expect)
}

// tests drops and adds tests. New ones go to the file that has tests, or to the last one.
func (t *tightening) tests(docs []*document, failing map[int]bool, added []string) error {
	t.out.Dropped, t.out.Added = []string{}, len(added)
	at, kept := len(docs)-1, 0
	for i, f := range t.files {
		own := 0
		gone := map[int]bool{}
		for n, test := range t.p.Tests() {
			if test.File != f.Name {
				continue
			}
			if failing[n] {
				gone[own] = true
				t.out.Dropped = append(t.out.Dropped, fmt.Sprintf("%s:%d: %s", test.File, test.Line, Show(test.Asks())))
			}
			own++
		}
		if own == 0 {
			continue
		}
		last := true
		for _, later := range t.files[i+1:] {
			last = last && !slices.ContainsFunc(t.p.Tests(), func(test policy.Test) bool { return test.File == later.Name })
		}
		if err := docs[i].removeItems(docs[i].root, testsSection, gone, last && len(added) > 0); err != nil {
			return fmt.Errorf("%s: the tests: %w", f.Name, err)
		}
		at, kept = i, own-len(gone)
	}
	if err := docs[at].appendItems(testsSection, added, kept); err != nil {
		return fmt.Errorf("%s: the tests: %w", t.files[at].Name, err)
	}
	return nil
}

// TightenedText renders what was done, without the patch.
func TightenedText(t Tightened) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d different requests were let through\n", t.Seen)
	if t.Unknown > 0 {
		fmt.Fprintf(&b, "%d were let through that this policy denies\n", t.Unknown)
	}
	for _, id := range t.Removed {
		fmt.Fprintf(&b, "unused, removed: %s\n", id)
	}
	for _, id := range t.ByHand {
		fmt.Fprintf(&b, "unused, remove it by hand: %s\n", id)
	}
	for _, n := range t.Narrowed {
		fmt.Fprintf(&b, "narrowed: %s\n  %s\n  %s\n", n.Rule, n.Old, n.New)
	}
	for _, test := range t.Dropped {
		fmt.Fprintf(&b, "test dropped: %s\n", test)
	}
	fmt.Fprintf(&b, "%d tests added\n", t.Added)
	return b.String()
}
