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

// Denial is the JSON of a GATEHOUSE-DENIAL line.
type Denial struct {
	V           int        `json:"v"`
	Decision    string     `json:"decision"` // "deny"
	Code        string     `json:"code"`
	Retryable   string     `json:"retryable"` // see Retryable
	DenialID    string     `json:"denial_id"`
	Session     string     `json:"session,omitempty"`
	Target      string     `json:"target,omitempty"`
	Why         string     `json:"why"`
	FailedAt    *FailedAt  `json:"failed_at,omitempty"`
	Rule        string     `json:"rule,omitempty"`
	Allowed     []string   `json:"allowed_like_this,omitempty"`
	PolicyHash  string     `json:"policy_hash,omitempty"`
	Argv        [][]string `json:"argv,omitempty"` // what the line was understood as, one argv a command
	Construct   string     `json:"construct,omitempty"`
	ConstructAt int        `json:"column,omitempty"` // 1-based byte column, with Construct
	Final       string     `json:"final,omitempty"`  // needs_approval, dry_run: what would run, as a person would write it
	Approvals   []Approval `json:"approvals,omitempty"`
	DenialsLeft int64      `json:"denials_left,omitempty"` // how many more are answered within the hour, where that is limited
}

// Approval is what people must do before the command runs.
type Approval struct {
	Approvals     int      `json:"approvals"`
	From          []string `json:"from,omitempty"`
	WithinSeconds int64    `json:"within_s,omitempty"`
}

// Retryable says when the same request may get another answer: "after_approval", "later", or "no", as long as the policy is
// the same.
func Retryable(code string) string {
	switch code {
	case "needs_approval":
		return "after_approval"
	case "outside_window", "condition_not_met", "quota":
		return "later"
	}
	return "no"
}

// FailedAt points at the word that no rule admits.
type FailedAt struct {
	Command int    `json:"command"`
	Index   int    `json:"index"`
	Token   string `json:"token"`
}

// Fault is the JSON of a GATEHOUSE-ERROR line: not the client's doing.
type Fault struct {
	V         int    `json:"v"`
	Code      string `json:"code"`
	Retryable string `json:"retryable"` // "later" or "no"
	ErrorID   string `json:"error_id"`  // joins the line to the operator's log
	Session   string `json:"session,omitempty"`
	Target    string `json:"target,omitempty"`
	Why       string `json:"why"`
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
)

// Killed is the JSON of a GATEHOUSE-KILLED line.
type Killed struct {
	V       int    `json:"v"`
	Session string `json:"session"`
	Why     string `json:"why"`
}

// Lines renders the two lines of a denial, each ending in a newline.
func (d Denial) Lines() string {
	d.V, d.Decision = Version, "deny"
	human := "gatehouse: DENIED by policy (not a system fault): " + d.Why
	if len(d.Allowed) > 0 {
		human += ". Allowed here: " + strings.Join(d.Allowed, " | ")
	}
	return Visible(human) + "\n" + line("GATEHOUSE-DENIAL", d)
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

// hidden reports whether a rune is a control, a bidirectional override or isolate, or drawn as nothing.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0xad, r == 0x61c, r == 0x180e, r == 0xfeff:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}
