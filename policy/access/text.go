package access

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse/policy"
)

// Text is what an approver signs with ssh-keygen -Y sign: all that is approved, one fact a line, its hash and the nonce. Every line begins
// with a label of ours and no value can end its line, so no value can look like another fact. The same request and nonce give the same
// bytes; whoever verifies makes them again and compares (ReadText).
func (r Request) Text(nonce []byte) string {
	var f facts
	f.title(r.Scope.Glass)
	f.who(r)
	f.scope(r.Scope)
	f.terms(r)
	f.value("policy", r.Policy)
	f.value("hash", r.Hash())
	f.value("nonce", hex.EncodeToString(nonce))
	return f.text.String()
}

// ReadText reports whether a text is that of this request and nonce, byte for byte.
func (r Request) ReadText(text, nonce []byte) bool {
	return bytes.Equal(text, []byte(r.Text(nonce)))
}

// labelRequest stands before a request's id.
const labelRequest = "request"

// facts are lines of a text.
type facts struct{ text strings.Builder }

// title says what is signed.
func (f *facts) title(glass bool) {
	f.raw("Gatehouse approval v" + strconv.Itoa(version))
	if glass {
		f.raw("By signing this I take in an emergency, before anybody approved it, exactly this:")
	} else {
		f.raw("By signing this I approve, once, exactly this and nothing else:")
	}
}

// raw adds a line of our own words and values that are quoted already.
func (f *facts) raw(line string) { f.text.WriteString(line + "\n") }

// value adds a fact.
func (f *facts) value(label, value string) { f.raw(label + ": " + quoted(value)) }

// list adds a fact with several values.
func (f *facts) list(label string, values []string) {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = quoted(value)
	}
	f.raw(label + ": " + orNone(strings.Join(words, " ")))
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// who says who asks for whom, and why.
func (f *facts) who(r Request) {
	f.value(labelRequest, r.ID)
	f.value("asked by", r.By.Principal)
	f.value("owned by", r.By.Owner)
	f.value("task", r.By.Task)
	f.value("handed on by", r.By.Delegation)
	f.value("reason", r.Reason)
	f.value("ticket", r.Ticket)
}

// scope says what is given.
func (f *facts) scope(s Scope) {
	f.value("gives a", string(s.Kind))
	f.list("on targets", s.Targets)
	f.value("with login", string(s.Login))
	f.value("under role", s.Role)
	f.value("pattern", s.Pattern)
	if s.Command != nil {
		f.command(*s.Command)
	}
	f.raw("break-glass: " + yesNo(s.Glass))
	f.raw("lasts: " + span(s.Seconds))
	f.raw("commands: " + orAny(s.Uses))
	f.raw("heartbeat every: " + span(s.Beat))
}

// terms say what is needed, and until when.
func (f *facts) terms(r Request) {
	for _, a := range r.Need {
		f.raw("needs: " + needText(a))
	}
	f.list("rules", r.Rules)
	f.list("may not approve", r.Barred)
	f.value("asked at", stamp(r.Made))
	f.value("expires at", stamp(r.Expires))
}

func needText(a policy.Approval) string {
	from := make([]string, len(a.From))
	for i, group := range a.From {
		from[i] = quoted(group)
	}
	return fmt.Sprintf("%d of %s, by %s, declined by %s, within %s, waits %s, for %s, uses %s, heartbeat %s",
		a.Approvals, orNone(strings.Join(from, " ")), quoted(a.By), quoted(a.Decline), span(a.Within), span(a.Wait), span(a.For), orAny(a.Uses), span(a.Beat))
}

// span is a length of time: exact, and for people.
func span(seconds int64) string {
	switch {
	case seconds == 0:
		return "-"
	case seconds < 0 || seconds > maxSeconds:
		return strconv.FormatInt(seconds, 10) + "s"
	}
	return fmt.Sprintf("%ds (%s)", seconds, time.Duration(seconds)*time.Second)
}

func orAny(n int64) string {
	if n == 0 {
		return "any number"
	}
	return strconv.FormatInt(n, 10)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
