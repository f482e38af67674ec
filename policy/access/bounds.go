package access

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/policy"
)

// The bounds of what is open at once. At a bound the newest is refused: nothing that stands is dropped.
const (
	MaxRequests     = 10_000
	MaxRequestsEach = 50 // of one principal
	MaxVotes        = 64 // of one request, and reviews of one grant
	MaxGrants       = 10_000
	MaxGrantsEach   = 200
	MaxLocks        = 1000
	MaxAways        = 1000
	reserve         = 16 // locks of everything, and grants by break-glass, above their bound
)

// The bounds of what stands in one of them.
const (
	maxID        = 64
	maxName      = 1024     // principals, owners, tasks, delegations, roles, rules, groups, targets, logins
	maxReason    = 1000     // bytes; also of why something ended
	maxTicket    = 200      //
	maxWords     = 2000     //
	maxTargets   = 1000     //
	maxNeeds     = 64       //
	maxBarred    = 1000     //
	maxCanonical = 1 << 20  // bytes of a request's canonical form
	maxProof     = 64 << 10 // bytes of each part of a proof
	nonceBytes   = 32

	maxSeconds = 366 * 24 * 3600           // that a grant lives
	maxWait    = 31 * 24 * time.Hour       // that a request waits
	maxAway    = 366 * 24 * time.Hour      // that somebody is away
	maxLock    = 10 * 366 * 24 * time.Hour // that a lock with an end stands
	defaultTTL = 15 * time.Minute          // of a request of whose terms none says how long
)

// Validate reports what of a request cannot be meant: an empty scope, a text that is no UTF-8, something above a bound. All that it accepts
// has a canonical form of its own.
func (r Request) Validate() error {
	for _, check := range []error{
		checkID("request", "ar_", r.ID), r.By.validate(), r.Scope.validate(),
		oneLine("reason", r.Reason, maxReason), oneLine("ticket", r.Ticket, maxTicket), r.checkTerms(),
	} {
		if check != nil {
			return check
		}
	}
	if len(r.Barred) > maxBarred {
		return invalid("%d people own what asks, and at most %d may: nobody could tell who may approve", len(r.Barred), maxBarred)
	}
	if !utf8Whole(reflect.ValueOf(r)) {
		return invalid("a text of the request is not UTF-8")
	}
	if n := len(r.Canonical()); n > maxCanonical {
		return invalid("the request is too large: %d bytes, at most %d", n, maxCanonical)
	}
	return nil
}

// checkTerms checks who must approve.
func (r Request) checkTerms() error {
	if len(r.Need) == 0 || len(r.Need) > maxNeeds {
		return invalid("a request needs approval by 1 to %d thresholds, not %d", maxNeeds, len(r.Need))
	}
	for _, a := range r.Need {
		if a.Approvals < 0 || a.Approvals > MaxVotes || a.Within < 0 || !slices.Contains([]string{"", string(PasskeyProof), string(SSHProof)}, a.By) {
			return invalid("a threshold of the request cannot be met: %d approvals by %q within %d s", a.Approvals, a.By, a.Within)
		}
	}
	if len(r.Rules) > maxTargets {
		return invalid("a request is about at most %d rules", maxTargets)
	}
	return nil
}

// validate checks who asks.
func (by Requester) validate() error {
	kind, name, _ := strings.Cut(by.Principal, ":")
	if name == "" || kind != string(policy.Agent) && kind != string(policy.Person) {
		return invalid("who asks is %q, neither agent:NAME nor person:NAME", by.Principal)
	}
	for _, part := range []string{by.Principal, by.Owner, by.Task, by.Delegation} {
		if err := oneLine("name", part, maxName); err != nil {
			return err
		}
	}
	return nil
}

// validate checks that a scope names exactly one kind of thing.
func (s Scope) validate() error {
	switch {
	case s.Kind == CommandScope && (s.Command == nil || s.Pattern != "" || len(s.Targets) != 1):
		return invalid("a command is asked for on one target, and without a pattern")
	case s.Kind == CommandScope && s.Uses < 1:
		return invalid("a command is asked for a number of times, not for any number")
	case s.Kind == CommandScope && s.Role == "" && !s.Command.final():
		return invalid("what is approved is a final command: %v", s.Command.Plan.ValidateFinal())
	case s.Kind == CommandScope && !s.Command.final() && s.Command.Plan.Validate() != nil:
		return invalid("what is approved is a command: %v", s.Command.Plan.Validate())
	case s.Kind == PatternScope && (s.Command != nil || s.Pattern == "" || s.Role == ""):
		return invalid("a pattern is asked for by its own words and the role whose it is")
	case s.Kind == RoleScope && (s.Command != nil || s.Pattern != "" || s.Role == ""):
		return invalid("a role is asked for by its name")
	case s.Kind != CommandScope && s.Kind != PatternScope && s.Kind != RoleScope:
		return invalid("no kind of privilege is %q", s.Kind)
	case s.Glass && s.Kind != RoleScope:
		return invalid("break-glass gives a role, nothing else")
	}
	return s.checkBounds()
}

func (s Scope) checkBounds() error {
	switch {
	case len(s.Targets) == 0 || len(s.Targets) > maxTargets:
		return invalid("a privilege is for 1 to %d targets, not %d", maxTargets, len(s.Targets))
	case !slices.IsSorted(s.Targets) || slices.Contains(s.Targets, "") || len(slices.Compact(slices.Clone(s.Targets))) != len(s.Targets):
		return invalid("the targets of a privilege are sorted names, each once")
	case s.Login == "":
		return invalid("a privilege is for one login")
	case s.Seconds < 1 || s.Seconds > maxSeconds:
		return invalid("a privilege lasts 1 to %d seconds, not %d", maxSeconds, s.Seconds)
	case s.Uses < 0 || s.Beat < 0 || s.Beat > maxSeconds:
		return invalid("a privilege has neither %d uses nor a heartbeat every %d seconds", s.Uses, s.Beat)
	}
	for _, name := range append([]string{string(s.Login), s.Role}, s.Targets...) {
		if err := oneLine("name", name, maxName); err != nil {
			return err
		}
	}
	return nil
}

// checkID checks the shape of an id.
func checkID(what, prefix, id string) error {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || rest == "" || len(id) > maxID || strings.IndexFunc(rest, func(r rune) bool { return !idRune(r) }) >= 0 {
		return invalid("%q is no id of a %s", id, what)
	}
	return nil
}

func idRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' || r == '-'
}

// oneLine checks a text of one line.
func oneLine(what, text string, most int) error {
	return checkText(what, text, most, unicode.IsControl)
}

// someLines checks a text that may have several lines.
func someLines(what, text string, most int) error {
	return checkText(what, text, most, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func checkText(what, text string, most int, bad func(rune) bool) error {
	switch {
	case len(text) > most:
		return invalid("the %s is too long: %d bytes, at most %d", what, len(text), most)
	case !utf8.ValidString(text):
		return invalid("the %s is not UTF-8", what)
	case strings.IndexFunc(text, bad) >= 0:
		return invalid("the %s has control characters: write plain text", what)
	}
	return nil
}

// utf8Whole reports whether every string in a value is UTF-8: JSON would make one of several that are not.
func utf8Whole(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer:
		return v.IsNil() || utf8Whole(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return true
		}
		for i := range v.Len() {
			if !utf8Whole(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !utf8Whole(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
