package policy

// Verdict is the outcome of a decision.
type Verdict string

// The verdicts. Ask is never produced by a policy without an ask rule.
const (
	Allow Verdict = "allow"
	Deny  Verdict = "deny"
)

// Code says why a request was denied; it is part of the denial contract (docs/spec/answers.md).
type Code string

// The codes that a policy decision can carry.
const (
	CodeNotAllowed        Code = "not_allowed"        // no rule admits this command
	CodeBadArgument       Code = "bad_argument"       // a rule knows the command, not this argument
	CodeUnsupportedSyntax Code = "unsupported_syntax" // the line is not a plan
	CodeTargetNotGranted  Code = "target_not_granted" // no role reaches this target and login
	CodePTYNotAllowed     Code = "pty_not_allowed"    // the rule does not grant a pty
	CodeEnvNotAllowed     Code = "env_not_allowed"    // an environment variable that no role lists
	CodeDeniedByRule      Code = "denied_by_rule"     // a deny rule matched
)

// Mode says what a target certificate allows (docs/architecture.md).
type Mode string

// The target modes built so far.
const (
	Plain  Mode = "plain"  // one connection as that login
	Pinned Mode = "pinned" // force-command is the plan's line; one channel, own connection
)

// StdinClass says what may reach a command's standard input.
type StdinClass string

// The stdin classes built so far.
const (
	StdinNone StdinClass = "none"
	StdinData StdinClass = "data"
)

// Failed points at the first word that no rule admits: Command counts leaves of the plan from 0, Index words of its argv.
type Failed struct {
	Command int    `json:"command"`
	Index   int    `json:"index"`
	Token   string `json:"token"`
}

// Decision is a policy's answer to one request. The zero Decision is not valid; Policy.Decide never returns it.
type Decision struct {
	Verdict    Verdict    `json:"verdict"`
	Code       Code       `json:"code,omitempty"`    // denials only
	Reason     string     `json:"reason,omitempty"`  // one sentence for the client
	Rules      []string   `json:"rules,omitempty"`   // one rule id a leaf ("web-operator/allow[2]"); for a deny rule, that rule alone
	Failed     *Failed    `json:"failed,omitempty"`  // denials of a command
	Nearest    []string   `json:"nearest,omitempty"` // at most 3 patterns of rules that come closest
	Mode       Mode       `json:"mode,omitempty"`    // allowed only: pinned if any rule says so
	Stdin      StdinClass `json:"stdin,omitempty"`   // allowed only: data only if the first leaf's rule says so
	PolicyHash string     `json:"policy_hash"`       // "sha256:…" of the policy text
}
