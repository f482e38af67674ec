package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// reachText says where an identity's roles apply. Every part of it that a policy wrote is made visible.
func reachText(o policy.Offering, program string) string {
	var b strings.Builder
	b.WriteString("What you may do (" + Visible(o.Principal) + "):\n")
	if len(o.Reach) == 0 {
		b.WriteString("  Nothing on any target: no role of yours names one.\n")
		b.WriteString(lentText(o.Request, program))
		return b.String()
	}
	for _, r := range o.Reach {
		fmt.Fprintf(&b, "  %s\n", placesText(r))
	}
	b.WriteString(lentText(o.Request, program))
	fmt.Fprintf(&b, "What on one target: %s help TARGET, or %s help LOGIN@TARGET; for programs with --json.\n", program, program)
	return b.String()
}

func targetText(t policy.TargetPattern) string {
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
		labels = append(labels, key+"="+t.Labels[key])
	}
	text := t.Name
	if text == "" {
		text = "any target"
	}
	if len(labels) > 0 {
		text += " with " + strings.Join(labels, ", ")
	}
	return text
}

// offersText says what may be done on a target.
func offersText(o policy.Offering, target string) string {
	w := &offerWriter{}
	for i, l := range o.Logins {
		if i > 0 {
			w.line(0, "")
		}
		w.line(0, "As %s on %s:", l.Login, target)
		for _, offer := range l.Offers {
			w.offer(offer)
		}
	}
	w.line(0, "")
	w.line(0, "A pattern describes a whole command: <…> is one word, [x] may be left out, (a|b) is one of these, x... may be repeated.")
	w.line(0, "Commands may be joined by |, &&, || and ; and each needs a pattern of its own. Whatever is not listed is denied.")
	return w.String()
}

// offerWriter writes lines whose every value is made visible.
type offerWriter struct{ strings.Builder }

func (w *offerWriter) line(indent int, format string, a ...any) {
	w.WriteString(strings.Repeat("  ", indent) + Visible(fmt.Sprintf(format, a...)) + "\n")
}

func (w *offerWriter) offer(o policy.Offer) {
	w.line(1, "By the role %s:", o.Role)
	w.rules(o.Rules, "allow", "You may run:")
	w.rules(o.Rules, "ask", "After people have approved it:")
	w.rules(o.Rules, "deny", "Never, whatever else allows it (every command that begins so):")
	switch o.Shell {
	case "recorded":
		w.line(2, "Anything else, and an interactive shell: shell: recorded (the login's own shell reads it; it is recorded)")
	case "governed":
		w.line(2, "Shell text with variables, loops and $(…), and an interactive shell: shell: governed (each command is decided by the patterns above)")
	}
	w.env(o.Env)
	w.list("Directories to run in, beside the login's home:", o.Dirs)
	w.list("Files that redirections may read:", o.Read)
	w.list("Files that redirections may write:", o.Write)
	for _, f := range o.Files {
		w.files(f)
	}
	w.list("Endpoints that forwards (-L, -W) may reach:", o.Forward)
	w.list("Only at these times:", o.Windows)
	if o.When != "" {
		w.line(2, "Only if: %s", o.When)
	}
	if limits := limitsText(o.Limits); limits != "" {
		w.line(2, "Limits: %s", limits)
	}
	if o.Lenient {
		w.line(2, "Recording: best effort; a session that cannot be recorded goes on")
	}
	if o.Dropped > 0 {
		w.line(2, "and %s that would make this too long", entries(o.Dropped))
	}
}

func entries(n int) string {
	if n == 1 {
		return "1 more entry"
	}
	return fmt.Sprintf("%d more entries", n)
}

func (w *offerWriter) rules(rules []policy.RuleOffer, kind, title string) {
	for _, r := range rules {
		if r.Kind != kind {
			continue
		}
		if title != "" {
			w.line(2, "%s", title)
			title = ""
		}
		w.line(3, "%s", r.Pattern)
		if remarks := remarksOf(r); remarks != "" {
			w.line(5, "%s", remarks)
		}
	}
}

func (w *offerWriter) list(title string, list []string) {
	if len(list) > 0 {
		w.line(2, "%s %s", title, strings.Join(list, ", "))
	}
}

// files says what transfers may carry.
func (w *offerWriter) files(f policy.FileOffer) {
	var by, what []string
	for _, c := range f.By {
		by = append(by, string(c))
	}
	for _, paths := range []struct {
		word string
		list []string
	}{{"read", f.Read}, {"write", f.Write}, {"never", f.Deny}} {
		if len(paths.list) > 0 {
			what = append(what, paths.word+" "+strings.Join(paths.list, ", "))
		}
	}
	if f.MaxFile > 0 {
		what = append(what, Bytes(f.MaxFile)+" a file at most")
	}
	if f.Held {
		what = append(what, "contents are looked at before they pass")
	}
	w.line(2, "Files by %s: %s", strings.Join(by, ", "), strings.Join(what, "; "))
}

func (w *offerWriter) env(list []policy.EnvOffer) {
	var texts []string
	for _, e := range list {
		text := e.Name
		if e.Value != "" {
			text += "=" + e.Value
		}
		texts = append(texts, text)
	}
	w.list("Variables that you may set:", texts)
}

// remarksOf says what is particular about a rule, in the order in which it matters to who runs it.
func remarksOf(r policy.RuleOffer) string {
	var list []string
	add := func(set bool, format string, a ...any) {
		if set {
			list = append(list, fmt.Sprintf(format, a...))
		}
	}
	if a := r.Approval; a != nil {
		list = append(list, approvalsText(append([]policy.Approval{*a}, r.Also...)))
	}
	add(r.DryRun, "dry run: it is decided and shown, and nothing runs")
	add(r.Reason != "", "%s", r.Reason)
	add(r.When != "", "if %s", r.When)
	add(r.PTY, "pty")
	add(len(r.Stdin) > 0, "input: %s", stdinText(r))
	add(r.Mode == policy.Pinned, "mode pinned")
	add(r.MaxSeconds > 0, "at most %s", seconds(r.MaxSeconds))
	add(len(r.Dirs) > 0, "in %s", strings.Join(r.Dirs, ", "))
	add(r.Checksum, "only the program file that the policy knows the hash of")
	return strings.Join(list, "; ")
}

func approvalText(a policy.Approval) string {
	text := "1 person"
	if a.Approvals > 1 {
		text = fmt.Sprintf("%d people", a.Approvals)
	}
	if len(a.From) > 0 {
		text += " of " + strings.Join(a.From, ", ")
	}
	if a.Within > 0 {
		text += " within " + seconds(a.Within)
	}
	return text
}

// stdinText says what a rule's command may read.
func stdinText(r policy.RuleOffer) string {
	var list []string
	for _, class := range r.Stdin {
		switch class {
		case policy.StdinPipe:
			list = append(list, "what another command of the line prints, files and here-documents")
		case policy.StdinData:
			list = append(list, "yours, pipes, files and here-documents, up to "+Bytes(r.StdinMax))
		default:
			list = append(list, "with the hash "+string(class))
		}
	}
	return strings.Join(list, ", or ")
}

func limitsText(o policy.Obligations) string {
	var list []string
	add := func(n int64, format string, value any) {
		if n > 0 {
			list = append(list, fmt.Sprintf(format, value))
		}
	}
	add(o.MaxSeconds, "a session lasts %s at most", seconds(o.MaxSeconds))
	add(o.Idle, "it ends after %s without a byte", seconds(o.Idle))
	add(o.Sessions, "%d sessions at once", o.Sessions)
	add(o.Denials, "%d denials within an hour", o.Denials)
	add(o.BytesOut, "%s of output", Bytes(o.BytesOut))
	add(o.StdinMax, "%s of input", Bytes(o.StdinMax))
	return strings.Join(list, "; ")
}

// seconds writes a duration without its empty ends: 30s, 15m, 2h.
func seconds(n int64) string {
	text := (time.Duration(n) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
