package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// The bounds of a condition: its text in bytes, and the steps of one evaluation.
const (
	maxCondition     = 4096
	maxConditionCost = 100_000
)

// condition is a CEL expression over a request, compiled and checked when the policy is read. It is immutable and may be
// evaluated by many goroutines at once.
type condition struct {
	text    string
	program cel.Program
}

// conditionRequest is what a condition sees as `request`.
type conditionRequest struct {
	Kind       string            `cel:"kind"`       // "agent" or "person"
	Name       string            `cel:"name"`       // without the kind
	Owner      string            `cel:"owner"`      // "person:ann", "group:web"; empty for people
	Task       string            `cel:"task"`       // from the certificate; may be empty
	Delegation string            `cel:"delegation"` // "person:ann>agent:planner"; may be empty
	Source     string            `cel:"source"`     // the client's address
	PTY        bool              `cel:"pty"`
	Env        map[string]string `cel:"env"`      // what the client asked to set
	Commands   int64             `cel:"commands"` // how many commands the line has
	Step       bool              `cel:"step"`     // it is one command of a governed shell
	Chain      []string          `cel:"chain"`    // of such a command: through which texts it came to be one, outermost first
}

// conditionTarget is what a condition sees as `target`.
type conditionTarget struct {
	Name   string            `cel:"name"`
	Login  string            `cel:"login"`
	Labels map[string]string `cel:"labels"`
}

// conditionEnv is what every condition is checked against. It is made once, as it is costly.
var conditionEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(reflect.TypeFor[conditionRequest](), reflect.TypeFor[conditionTarget](), ext.ParseStructTags(true)),
		cel.Variable("request", cel.ObjectType("policy.conditionRequest")),
		cel.Variable("target", cel.ObjectType("policy.conditionTarget")),
		cel.Variable("now", cel.TimestampType),
		cel.Function("in_network", cel.Overload("in_network_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(inNetwork))),
	)
})

// inNetwork is in_network(address, prefix): whether an address lies in a network. What is neither is an error, which a rule takes
// as its condition not being met.
func inNetwork(address, network ref.Val) ref.Val {
	text, _ := address.Value().(string)
	prefixText, _ := network.Value().(string)
	prefix, err := netip.ParsePrefix(prefixText)
	if err != nil {
		return types.NewErr("in_network: %q is not a network such as 10.0.0.0/8", prefixText)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return types.NewErr("in_network: %q is not an address", text)
	}
	return types.Bool(prefix.Contains(addr.Unmap().WithZone("")))
}

// parseCondition compiles an expression, which must be a truth value.
func parseCondition(text string) (*condition, error) {
	if len(text) > maxCondition {
		return nil, fmt.Errorf("a condition has at most %d bytes", maxCondition)
	}
	env, err := conditionEnv()
	if err != nil {
		return nil, fmt.Errorf("conditions: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, errors.New(issueText(issues))
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it is a %s and must be true or false", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxConditionCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &condition{text: text, program: program}, nil
}

// issueText is the first mistake on one line, with its place inside the expression.
func issueText(issues *cel.Issues) string {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	return fmt.Sprintf("at column %d of the expression: %s", first.Location.Column()+1, message)
}

// holds reports whether the condition is met. An error in evaluating it is reported as unknown: an allowing rule does not
// apply then, and a denying one does.
func (c *condition) holds(r *Request) (met, known bool) {
	if c == nil {
		return true, true
	}
	out, _, err := c.program.Eval(map[string]any{"request": requestView(r), "target": conditionTarget{Name: r.Target, Login: string(r.Login), Labels: r.Labels}, "now": conditionNow(r)})
	if err != nil {
		return false, false
	}
	met, known = out.Value().(bool)
	return met, known
}

func conditionNow(r *Request) time.Time { return r.Now.UTC() }

func requestView(r *Request) conditionRequest {
	env := map[string]string{}
	for _, v := range r.Env {
		env[v.Name] = v.Value
	}
	chain := []string{}
	if r.Step != nil && r.Step.Chain != nil {
		chain = r.Step.Chain
	}
	return conditionRequest{Kind: string(r.Identity.Kind), Name: r.Identity.Name, Owner: r.Identity.Owner, Task: r.Identity.Task,
		Delegation: r.Identity.Delegation, Source: r.Source, PTY: r.PTY, Env: env, Commands: int64(len(r.Plan.Commands())), Step: r.Step != nil, Chain: chain}
}

// readCondition reads a when field.
func readCondition(v value) *condition {
	text, ok := v.text()
	if !ok {
		return nil
	}
	c, err := parseCondition(text)
	if err != nil {
		v.problem("%s is not a condition: %v", v.what, err)
		return never
	}
	return c
}

// never stands for a condition that could not be read; the policy that has it is refused.
var never = &condition{text: "false"}
