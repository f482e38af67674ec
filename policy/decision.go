package policy

// Verdict is the outcome of a decision.
type Verdict string

// The verdicts. Probe is not an outcome: a rule matches the text, and what it says of the target must be looked up first.
const (
	Allow Verdict = "allow"
	Deny  Verdict = "deny"
	Ask   Verdict = "ask"   // people must approve it first
	Look  Verdict = "probe" // answer Decision.Probes and decide again
)

// Code says why a request does not run; it is part of the denial contract (docs/spec/answers.md).
type Code string

// The codes that a policy decision can carry.
const (
	CodeNotAllowed        Code = "not_allowed"        // no rule admits this command
	CodeBadArgument       Code = "bad_argument"       // a rule knows the command, not this argument
	CodeUnsupportedSyntax Code = "unsupported_syntax" // the line is not a plan
	CodeTargetNotGranted  Code = "target_not_granted" // no role reaches this target and login
	CodePTYNotAllowed     Code = "pty_not_allowed"    // the rule does not grant a pty
	CodeEnvNotAllowed     Code = "env_not_allowed"    // an environment variable that no role lists
	CodeStdinNotAllowed   Code = "stdin_not_allowed"  // input for a command whose rule grants none, or other input than the rule has
	CodeDirNotAllowed     Code = "dir_not_allowed"    // a working directory that no role lists
	CodeFileNotAllowed    Code = "file_not_allowed"   // a redirection to or from a path that no role lists
	CodeProgram           Code = "program"            // the program is not there, or not root's alone, or not the pinned one
	CodeDeniedByRule      Code = "denied_by_rule"     // a deny rule matched
	CodeNeedsApproval     Code = "needs_approval"     // an ask rule matched
	CodeOutsideWindow     Code = "outside_window"     // the roles that reach the target do not apply now
	CodeConditionNotMet   Code = "condition_not_met"  // the roles that reach the target have a condition that does not hold
	CodeDryRun            Code = "dry_run"            // allowed, and the rule says that nothing runs
	CodeQuota             Code = "quota"              // a limit of the role is reached

	// What people have to do with, besides CodeNeedsApproval.
	CodeApprovalPending  Code = "approval_pending"  // they have not decided yet
	CodeApprovalDeclined Code = "approval_declined" // one said no; the reason is their words
	CodeApprovalExpired  Code = "approval_expired"  // nobody decided in time
	CodeLocked           Code = "locked"            // a lock stands
	CodePaused           Code = "paused"            // a person has paused the session
)

// Mode says what a target certificate allows (docs/architecture.md).
type Mode string

// The target modes built so far.
const (
	Plain  Mode = "plain"  // one connection as that login
	Pinned Mode = "pinned" // force-command is the plan's line; one channel, own connection
)

// StdinClass says what may reach a command's standard input. Beside these there is "sha256:" and 64 hex digits: the client's
// whole input must have that hash before anything runs.
type StdinClass string

// The stdin classes.
const (
	StdinNone StdinClass = "none"
	StdinPipe StdinClass = "pipe" // what another command of the same line prints
	StdinData StdinClass = "data" // the client's input, here-documents, and pipes
)

// Failed points at the first word that no rule admits: Command counts leaves of the plan from 0, Index words of its argv.
type Failed struct {
	Command int    `json:"command"`
	Index   int    `json:"index"`
	Token   string `json:"token"`
}

// Obligations are what whoever runs an allowed plan must see to. Zero values oblige to nothing.
type Obligations struct {
	DryRun     bool  `json:"dry_run,omitempty"`     // nothing runs; what would is shown
	MaxSeconds int64 `json:"max_seconds,omitempty"` // the session ends then
	Idle       int64 `json:"idle,omitempty"`        // seconds without a byte in either direction, after which the session ends
	BytesOut   int64 `json:"bytes_out,omitempty"`   // bytes of output and standard error, after which the session ends
	StdinMax   int64 `json:"stdin_max,omitempty"`   // bytes of input, after which the session ends
	MaxFile    int64 `json:"max_file,omitempty"`    // bytes of one file, after which its transfer ends
	Sessions   int64 `json:"sessions,omitempty"`    // at most so many at once of this identity
	Denials    int64 `json:"denials,omitempty"`     // at most so many on one connection
}

// Recording says what happens when a session cannot be recorded.
type Recording string

// The two ways: strict, which is what a policy that says nothing means, and best effort, which it must ask for.
const (
	Strict     Recording = ""            // nothing runs, and what runs ends
	BestEffort Recording = "best_effort" // it goes on; recording, log and index say what is missing
)

// Approval is what an ask rule wants before the plan runs.
type Approval struct {
	Approvals int      `json:"approvals"`        // how many people
	From      []string `json:"from,omitempty"`   // groups that they are in
	Within    int64    `json:"within,omitempty"` // seconds until the request is forgotten

	By      string `json:"by,omitempty"`      // "ssh": only signatures made on the approver's own machine count; "passkey": only those
	Decline string `json:"decline,omitempty"` // "one": one no ends the request; else it ends when too few could still say yes
	Wait    int64  `json:"wait,omitempty"`    // seconds that a command waits on the line; 0: it is answered at once
	For     int64  `json:"for,omitempty"`     // seconds that a grant lives at most
	Uses    int64  `json:"uses,omitempty"`    // commands that a grant is good for at most; 0: no bound
	Beat    int64  `json:"beat,omitempty"`    // a grant needs a heartbeat so often, in seconds
}

// Decision is a policy's answer to one request. The zero Decision is not valid; Policy.Decide never returns it.
type Decision struct {
	Verdict     Verdict     `json:"verdict"`
	Code        Code        `json:"code,omitempty"`    // everything but allow and probe
	Reason      string      `json:"reason,omitempty"`  // one sentence for the client
	Rules       []string    `json:"rules,omitempty"`   // one rule id a leaf ("web-operator/allow[2]"); for a deny rule, that rule alone
	Failed      *Failed     `json:"failed,omitempty"`  // denials of a command
	Nearest     []string    `json:"nearest,omitempty"` // at most 3 entries of the policy that come closest: patterns, paths or variables
	Mode        Mode        `json:"mode,omitempty"`    // allow and ask: pinned if any rule says so
	Stdin       StdinClass  `json:"stdin,omitempty"`   // allow and ask: what the client's input may reach
	PTY         bool        `json:"pty,omitempty"`     // of a Step that may have one: it does
	Obligations Obligations `json:"obligations,omitzero"`
	Recording   Recording   `json:"recording,omitempty"`  // allow and ask: best effort only if every role that takes part says so
	Approvals   []Approval  `json:"approvals,omitempty"`  // ask: each must be met
	Probes      []Probe     `json:"probes,omitempty"`     // probe
	Plan        *Plan       `json:"plan,omitempty"`       // allow and ask: the final plan, which is what runs
	Directions  []Direction `json:"directions,omitempty"` // of a transfer: sorted, one at least
	Names       []string    `json:"names,omitempty"`      // of a list: globs, one of which a name must match to be shown; empty: all are
	Hold        *Hold       `json:"hold,omitempty"`       // of a file that is read or written: what its content must be
	Via         Via         `json:"via,omitempty"`        // of a forward: who dials
	Grants      []string    `json:"grants,omitempty"`     // ids of the Granted without which it would be denied, sorted; empty: the policy's own roles do
	Request     []string    `json:"request,omitempty"`    // denials: roles that the identity may ask for, under which it would be allowed or asked
	PolicyHash  string      `json:"policy_hash"`          // "sha256:…" of the policy text

	named []Named // ask: what the commands may name
}
