package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// rule lets an agent run one program with words of a shape, on one target with one login.
type rule struct {
	Agent   string `json:"agent"`
	Target  string `json:"target"`
	Login   string `json:"login"`
	Program string `json:"program"`
	Words   []word `json:"words"`
}

// word is one word after the program: "is" Text, "int" from Min to Max, "text", "path" or "unit" by the glob Text.
type word struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	Min  int    `json:"min"`
	Max  int    `json:"max"`
}

// command is the input of a query, with what is known of the target.
type command struct {
	Agent    string            `json:"agent"`
	Target   string            `json:"target"`
	Login    string            `json:"login"`
	Argv     []string          `json:"argv"`
	Programs map[string]string `json:"programs"` // where each lies
	Paths    map[string]string `json:"paths"`    // where each leads
}

// helpers are what the words of both rule sets are judged by.
const helpers = `
is_text(w) if {
	w != ""
	not startswith(w, "-")
}

is_int(w, low, high) if {
	regex.match("^(0|[1-9][0-9]*)$", w)
	n := to_number(w)
	n >= low
	n <= high
}

is_path(w, glob_text) if {
	is_text(w)
	glob.match(glob_text, ["/"], w)
	glob.match(glob_text, ["/"], input.paths[w])
}

is_unit(w, glob_text) if {
	is_text(w)
	glob.match(glob_text, null, w)
}
`

// byData is a rule for all, over data by agent, target, login and program.
const byData = `package gatehouse

default allow := false

allow if {
	input.programs[input.argv[0]]
	some shape in data.rules[input.agent][input.target][input.login][input.argv[0]]
	count(shape) == count(input.argv) - 1
	every i, word in shape {
		admits(word, input.argv[i + 1])
	}
}

admits(word, w) if {
	word.kind == "is"
	word.text == w
}

admits(word, w) if {
	word.kind == "text"
	is_text(w)
}

admits(word, w) if {
	word.kind == "int"
	is_int(w, word.min, word.max)
}

admits(word, w) if {
	word.kind == "path"
	is_path(w, word.text)
}

admits(word, w) if {
	word.kind == "unit"
	is_unit(w, word.text)
}
` + helpers

// byRule has a rule of its own for each, as one writes them first.
func byRule(rules []rule) string {
	var b strings.Builder
	b.WriteString("package gatehouse\n\ndefault allow := false\n" + helpers)
	for _, r := range rules {
		fmt.Fprintf(&b, "\nallow if {\n\tinput.agent == %q\n\tinput.target == %q\n\tinput.login == %q\n\tinput.argv[0] == %q\n\tinput.programs[%[4]q]\n\tcount(input.argv) == %d\n",
			r.Agent, r.Target, r.Login, r.Program, len(r.Words)+1)
		for i, w := range r.Words {
			fmt.Fprintf(&b, "\t%s\n", w.condition(fmt.Sprintf("input.argv[%d]", i+1)))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func (w word) condition(place string) string {
	switch w.Kind {
	case "is":
		return fmt.Sprintf("%s == %q", place, w.Text)
	case "int":
		return fmt.Sprintf("is_int(%s, %d, %d)", place, w.Min, w.Max)
	case "text":
		return fmt.Sprintf("is_text(%s)", place)
	}
	return fmt.Sprintf("is_%s(%s, %q)", w.Kind, place, w.Text)
}

// query is a prepared rule set.
type query struct{ rego.PreparedEvalQuery }

func prepare(ctx context.Context, rules []rule) (map[string]query, error) {
	data, err := index(rules)
	if err != nil {
		return nil, err
	}
	sets := map[string]query{}
	for name, text := range map[string]string{"data": byData, "rules": byRule(rules)} {
		store := inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true)) // spares it converting data at each question
		q, err := rego.New(rego.Query("data.gatehouse.allow"), rego.Module(name+".rego", text), rego.Store(store)).PrepareForEval(ctx)
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
		sets[name] = query{q}
	}
	return sets, nil
}

// index is data.rules: the shapes by agent, target, login and program.
func index(rules []rule) (map[string]any, error) {
	tree := map[string]map[string]map[string]map[string][][]word{}
	for _, r := range rules {
		within(within(within(tree, r.Agent), r.Target), r.Login)[r.Program] = append(tree[r.Agent][r.Target][r.Login][r.Program], r.Words)
	}
	text, err := json.Marshal(map[string]any{"rules": tree})
	if err != nil {
		return nil, fmt.Errorf("encode rules: %w", err)
	}
	var data map[string]any
	err = json.Unmarshal(text, &data)
	return data, err
}

// within is the map under a key, made if it is not there.
func within[V any](m map[string]map[string]V, key string) map[string]V {
	if m[key] == nil {
		m[key] = map[string]V{}
	}
	return m[key]
}

// allows answers for one command.
func (q query) allows(ctx context.Context, c ast.Value) (bool, error) {
	found, err := q.Eval(ctx, rego.EvalParsedInput(c))
	if err != nil {
		return false, err
	}
	if len(found) != 1 || len(found[0].Expressions) != 1 {
		return false, errors.New("the query has no answer")
	}
	allowed, ok := found[0].Expressions[0].Value.(bool)
	if !ok {
		return false, errors.New("the answer is no truth value")
	}
	return allowed, nil
}
