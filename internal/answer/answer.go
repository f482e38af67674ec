// Package answer is what clients are told when something does not run: the denial contract of docs/spec/answers.md.
//
// Every answer is one line for people and one JSON line for programs, both on standard error, and an exit status that
// says which kind it is. Nothing that a client sent is echoed with control or bidirectional characters in it: the lines
// land in terminals and in language models.
package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Exit statuses of a session that did not run its command to its own end. Gatehouse never sends 255, which ssh itself and
// Ansible read as a connection failure.
const (
	ExitDenied      = 126 // denied by policy
	ExitUnavailable = 75  // the target or Gatehouse is unavailable (EX_TEMPFAIL)
	ExitKilled      = 137 // ended by a person or a policy change
)

// Version of the JSON lines.
const Version = 1

// Denial is the JSON of a GATEHOUSE-DENIAL line. Its comments are the descriptions of the published schema.
type Denial struct {
	V           int        `json:"v"`                           // the version of the line's form
	Decision    string     `json:"decision"`                    // always deny: nothing ran
	Code        string     `json:"code"`                        // why, in one word; more may come within version 1
	Retryable   string     `json:"retryable"`                   // when the same request may get another answer: no (not under this policy), later, after_approval
	DenialID    string     `json:"denial_id"`                   // the audit entry's object
	Session     string     `json:"session,omitempty"`           // the session's id
	Target      string     `json:"target,omitempty"`            // where it would have run
	Why         string     `json:"why"`                         // the reason in one sentence
	Advice      string     `json:"advice"`                      // what to do now
	FailedAt    *FailedAt  `json:"failed_at,omitempty"`         // the first word that no rule admits
	Rule        string     `json:"rule,omitempty"`              // the rule that decided, if one did
	Allowed     []string   `json:"allowed_like_this,omitempty"` // at most three entries of the policy that come closest: patterns of commands, or of what was denied
	PolicyHash  string     `json:"policy_hash,omitempty"`       // the policy that decided
	Argv        [][]string `json:"argv,omitempty"`              // what the line was understood as, one argv a command
	Construct   string     `json:"construct,omitempty"`         // unsupported_syntax: what was not understood
	ConstructAt int        `json:"column,omitempty"`            // with construct: where it begins, in bytes from 1
	Final       string     `json:"final,omitempty"`             // needs_approval, dry_run: what would run, as a person would write it
	Approvals   []Approval `json:"approvals,omitempty"`         // needs_approval: each must be met
	Request     *Request   `json:"request,omitempty"`           // how to ask for it, or what was asked
	Governed    bool       `json:"-"`                           // a governed shell would read it, but for the construct
	Hint        string     `json:"-"`                           // goes before the advice: what is known of whoever asks such a thing
	DenialsLeft int64      `json:"denials_left,omitempty"`      // how many more are answered within the hour; absent where that is not limited, and with none left
}

// Request says how to ask people for what was denied, or what became of asking.
type Request struct {
	ID        string   `json:"id,omitempty"`        // the request that there is, for ssh bastion requests show
	CLI       string   `json:"cli,omitempty"`       // the command that makes a request of this denial
	Roles     []string `json:"roles,omitempty"`     // roles that may be asked for, under which it would be allowed or asked
	Approvers []string `json:"approvers,omitempty"` // groups whose people answer it
	TTL       int64    `json:"ttl_s,omitempty"`     // how long a request is kept
}

// Approval is what people must do before the command runs.
type Approval struct {
	Approvals     int      `json:"approvals"`          // how many people must approve it
	From          []string `json:"from,omitempty"`     // groups that they are in
	WithinSeconds int64    `json:"within_s,omitempty"` // how long the request is kept
}

// Retryable says when the same request may get another answer: "after_approval", "later", or "no", as long as the policy is
// the same.
func Retryable(code string) string {
	switch code {
	case "needs_approval", "approval_pending":
		return "after_approval"
	case "outside_window", "condition_not_met", "quota", "approval_expired", "locked", "paused":
		return "later"
	}
	return "no"
}

// FailedAt points at the word that no rule admits.
type FailedAt struct {
	Command int    `json:"command"` // which command of argv, from 0
	Index   int    `json:"index"`   // which word of it, from 0
	Token   string `json:"token"`   // the word, or what else was denied: a redirected path, a directory's command, a variable's name
}

// Fault is the JSON of a GATEHOUSE-ERROR line: not the client's doing.
type Fault struct {
	V         int    `json:"v"`                 // the version of the line's form
	Code      string `json:"code"`              // what failed, in one word; more may come within version 1
	Retryable string `json:"retryable"`         // later: the same request may succeed then; no
	ErrorID   string `json:"error_id"`          // joins the line to the operator's log
	Session   string `json:"session,omitempty"` // the session's id
	Target    string `json:"target,omitempty"`  // where it would have run
	Why       string `json:"why"`               // what happened, in one sentence
}

// The codes of a Fault.
const (
	FaultTargetUnreachable = "target_unreachable" // cannot connect, or the connection broke
	FaultTargetUntrusted   = "target_untrusted"   // its host key is not the one expected
	FaultTargetRefused     = "target_refused"     // it does not accept Gatehouse's certificate
	FaultUnknownTarget     = "unknown_target"     // policy reaches it, the inventory does not know it
	FaultSigner            = "signer"             // a CA's key cannot sign now
	FaultEvidence          = "evidence"           // recording or audit cannot be written
	FaultInternal          = "internal"
	FaultExpired           = "certificate_expired" // the connection outlived its certificate
	FaultStopping          = "stopping"            // the service ends, or is started again
)

// Killed is the JSON of a GATEHOUSE-KILLED line: the command had begun.
type Killed struct {
	V       int    `json:"v"`       // the version of the line's form
	Session string `json:"session"` // the session's id
	Why     string `json:"why"`     // who or what ended it
}

// Lines renders the two lines of a denial, each ending in a newline. V, Decision, Retryable and Advice are set here.
func (d Denial) Lines() string {
	d.V, d.Decision, d.Retryable = Version, "deny", Retryable(d.Code)
	d.offer()
	d.Advice = d.Hint + advice(d)
	return Visible(d.human()) + "\n" + line("GATEHOUSE-DENIAL", d)
}

// Lines renders the two lines of a fault, each ending in a newline.
func (f Fault) Lines() string {
	f.V = Version
	return Visible(fmt.Sprintf("gatehouse: UNAVAILABLE: %s (%s)", f.Why, f.ErrorID)) + "\n" + line("GATEHOUSE-ERROR", f)
}

// Lines renders the two lines of a kill, each ending in a newline.
func (k Killed) Lines() string {
	k.V = Version
	return Visible("gatehouse: KILLED: "+k.Why) + "\n" + line("GATEHOUSE-KILLED", k)
}

// line renders the machine's line. Everything outside printable ASCII is a JSON \u escape, so no byte of it can drive a
// terminal or reorder text.
func line(prefix string, v any) string {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // patterns are read with their <slots>
	if err := enc.Encode(v); err != nil {
		body.Reset() // cannot happen: the types above hold only strings and numbers
		body.WriteString(`{"v":1,"code":"internal"}`)
	}
	var sb strings.Builder
	sb.WriteString(prefix + " ")
	for _, r := range strings.TrimSpace(body.String()) {
		switch {
		case r >= 0x20 && r < 0x7f:
			sb.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&sb, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&sb, `\u%04x`, r)
		}
	}
	return sb.String() + "\n"
}

// Visible returns s on one line with everything that could drive a terminal, reorder or hide text replaced by a visible
// \u{…} escape. Printable text of any script is kept.
func Visible(s string) string {
	var sb strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&sb, `\x%02x`, s[i])
		case hidden(r):
			fmt.Fprintf(&sb, `\u{%x}`, r)
		default:
			sb.WriteString(s[i : i+n])
		}
		i += n
	}
	return sb.String()
}

// hidden reports whether a rune is a control, a space other than U+0020, a bidirectional control, unassigned, or drawn as
// nothing.
func hidden(r rune) bool {
	switch {
	case !unicode.IsPrint(r): // controls, formats (bidirectional, zero-width, tags), private use, spaces
		return true
	case r == 0x34f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0: // fillers and joiners that count as letters or marks
		return true
	case r >= 0x180b && r <= 0x180f, r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef: // variation selectors
		return true
	}
	return false
}
