package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Profile says which certificates a name may have. A request for more is refused, never cut.
type Profile struct {
	Name       string         // empty for the default, and where max_ttl says it all
	MaxTTL     time.Duration  // the longest life of one certificate
	RenewFor   time.Duration  // how long renewals may go on after the proof; 0 means that there are none
	Sources    []netip.Prefix // where certificates work; none means anywhere
	Tasks      []string       // globs; with any, a certificate needs a task that one of them matches
	Extensions []string       // which of "task" and "trace" a request may set
}

// What profiles may let a request set.
const (
	extensionTask  = "task"
	extensionTrace = "trace"
)

// The profiles of those who have none.
var (
	agentDefault  = Profile{MaxTTL: defaultAgentTTL, RenewFor: defaultRenewal, Extensions: []string{extensionTask, extensionTrace}}
	personDefault = Profile{MaxTTL: maxPersonTTL, Extensions: []string{extensionTask, extensionTrace}}
)

// CertificateRequest asks for a certificate that opens the door.
type CertificateRequest struct {
	Kind    Kind
	Name    string
	Task    string
	Trace   string
	TTL     time.Duration  // 0: as long as there may be
	Sources []netip.Prefix // none: as the profile says
}

// Terms are what a certificate may be.
type Terms struct {
	Identity Identity
	TTL      time.Duration
	Sources  []netip.Prefix
	RenewFor time.Duration
}

// Profile returns the profile of a name; ok is false for a stranger.
func (p *Policy) Profile(kind Kind, name string) (profile Profile, ok bool) {
	s := p.subject(kind, name)
	if s == nil {
		return Profile{}, false
	}
	return s.profile, true
}

// Certificate decides a request by the name's profile. Its error is one line for whoever asked, and names what would be
// granted.
func (p *Policy) Certificate(r CertificateRequest) (Terms, error) {
	if why := p.Standing(r.Kind, r.Name); why != "" {
		return Terms{}, fmt.Errorf("%s", why)
	}
	who, ok := p.Identity(r.Kind, r.Name, r.Task)
	if !ok {
		return Terms{}, fmt.Errorf("the task %q is not one line of at most %d bytes", r.Task, maxTask)
	}
	profile := p.subject(r.Kind, r.Name).profile
	if r.TTL < 0 || r.TTL > profile.MaxTTL {
		return Terms{}, fmt.Errorf("%s may have a certificate for %s at most, not %s", who.Principal(), profile.MaxTTL, r.TTL)
	}
	if err := profile.admits(r); err != nil {
		return Terms{}, fmt.Errorf("%s: %w", who.Principal(), err)
	}
	t := Terms{Identity: who, TTL: r.TTL, Sources: r.Sources, RenewFor: profile.RenewFor}
	if t.TTL == 0 {
		t.TTL = profile.MaxTTL
	}
	if len(t.Sources) == 0 {
		t.Sources = profile.Sources
	}
	return t, nil
}

// admits checks everything about a request but its length.
func (f Profile) admits(r CertificateRequest) error {
	if r.Task != "" && !slices.Contains(f.Extensions, extensionTask) {
		return fmt.Errorf("its profile lets no request name a task")
	}
	if r.Trace != "" && !slices.Contains(f.Extensions, extensionTrace) {
		return fmt.Errorf("its profile lets no request set a trace")
	}
	if len(f.Tasks) > 0 && !slices.ContainsFunc(f.Tasks, func(glob string) bool { return matchText(glob, r.Task) }) {
		return fmt.Errorf("the task %q is none of %s, which its profile asks for", r.Task, strings.Join(f.Tasks, " "))
	}
	for _, s := range r.Sources {
		if !s.IsValid() || len(f.Sources) > 0 && !slices.ContainsFunc(f.Sources, func(wide netip.Prefix) bool { return within(s, wide) }) {
			return fmt.Errorf("the source %s is not within %v, where its profile lets certificates work", s, f.Sources)
		}
	}
	return nil
}

func within(narrow, wide netip.Prefix) bool {
	return narrow.Bits() >= wide.Bits() && wide.Contains(narrow.Addr())
}

// matchText says whether text is what the glob describes: * stands for any characters, everything else for itself.
func matchText(glob, text string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
