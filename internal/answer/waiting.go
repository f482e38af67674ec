package answer

import (
	"fmt"
	"strings"
	"time"
)

// Waiting is the JSON of a GATEHOUSE-WAITING line: people must approve the command, nothing of it has run, and the session waits.
// It is no last word: the command's own output follows, or one of the other lines.
type Waiting struct {
	V         int        `json:"v"`                   // the version of the line's form
	Code      string     `json:"code"`                // always approval_pending
	Request   string     `json:"request"`             // the request's id, for ssh bastion requests show
	Until     time.Time  `json:"until"`               // the session waits until then
	Expires   time.Time  `json:"expires"`             // the request can be approved until then, whether or not anybody waits
	Approvals []Approval `json:"approvals,omitempty"` // each must be met
	Session   string     `json:"session,omitempty"`   // the session's id
	Target    string     `json:"target,omitempty"`    // where it will run
	Final     string     `json:"final,omitempty"`     // what will run, as a person would write it
	Why       string     `json:"why,omitempty"`       // what became of an earlier request that this session waited for
	Advice    string     `json:"advice"`              // what to do now
}

// Lines renders the two lines, each ending in a newline. V, Code and Advice are set here.
func (w Waiting) Lines() string {
	w.V, w.Code = Version, "approval_pending"
	w.Advice = "Wait: do not rephrase it or look for another way; sent again later, the same command finds the same request"
	w.Until, w.Expires = w.Until.UTC().Truncate(time.Second), w.Expires.UTC().Truncate(time.Second)
	why := ""
	if w.Why != "" {
		why = w.Why + "; "
	}
	line1 := fmt.Sprintf("gatehouse: WAITING for approval (nothing ran): %s%s; %s must approve it, waiting until %s; look: ssh bastion requests show %s. %s",
		why, short(w.Final, maxFinal), People(w.Approvals), Clock(w.Until), w.Request, w.Advice)
	return Visible(line1) + "\n" + line("GATEHOUSE-WAITING", w)
}

// StillWaiting is the line that says, once in a while, that the session lives.
func StillWaiting(request string, until time.Time) string {
	return Visible(fmt.Sprintf("gatehouse: still waiting for approval of %s, until %s", request, Clock(until))) + "\n"
}

// Approved is the line that says that the command runs now.
func Approved(request string, people []string) string {
	by := ""
	if len(people) > 0 {
		by = " by " + strings.Join(people, ", ")
	}
	return Visible(fmt.Sprintf("gatehouse: APPROVED%s (%s): it runs now", by, request)) + "\n"
}

// People says in words who must approve: "2 people of sre and 1 person of dba".
func People(all []Approval) string {
	var parts []string
	for _, a := range all {
		text := "1 person"
		if a.Approvals != 1 {
			text = fmt.Sprintf("%d people", a.Approvals)
		}
		if len(a.From) > 0 {
			text += " of " + strings.Join(a.From, " or ")
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "people"
	}
	return strings.Join(parts, " and ")
}

// Clock is a time as these lines have it.
func Clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }
