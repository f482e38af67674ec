package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy/access"
)

var lockKinds = []access.LockKind{access.LockSession, access.LockConnection, access.LockAgent, access.LockPerson, access.LockOwner, access.LockTask, access.LockTarget, access.LockGroup, access.LockRule}

// ParseSubject reads what is to be locked: "everything", KIND:VALUE, or a session's or connection's id.
func ParseSubject(text string) (access.Subject, error) {
	if text == string(access.LockEverything) {
		return access.Subject{Kind: access.LockEverything}, nil
	}
	for prefix, kind := range map[string]access.LockKind{"ses_": access.LockSession, "con_": access.LockConnection} {
		if strings.HasPrefix(text, prefix) {
			text = string(kind) + ":" + text
		}
	}
	kind, value, _ := strings.Cut(text, ":")
	if !slices.Contains(lockKinds, access.LockKind(kind)) || value == "" || len(value) > maxName || Visible(value) != value {
		return access.Subject{}, usagef("%s is nothing that can be locked: say everything, ses_…, con_…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT, target:NAME, group:NAME or rule:ID", Visible(text[:min(len(text), maxName)]))
	}
	return access.Subject{Kind: access.LockKind(kind), Value: value}, nil
}

type lockCmd struct {
	Subject string `arg:"" help:"everything, ses_…, con_…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT, target:NAME, group:NAME or rule:ID"`
	Reason  string `help:"Why, in one line; it is recorded and shown to the clients." required:"" placeholder:"TEXT"`
	Until   string `help:"When it ends by itself: 8h from now, or 2026-11-23T10:00:00Z. Without it, it stands until it is lifted." placeholder:"TIME"`
}

func (l *lockCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	order := LockOrder{}
	if order.What, err = ParseSubject(l.Subject); err != nil {
		return err
	}
	if order.Reason, err = line("a reason", l.Reason); err != nil {
		return err
	}
	if order.Until, err = ParseUntil(l.Until, in.c.cfg.Now()); err != nil {
		return err
	}
	report, err := a.Lock(in.ctx, in.who, order)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(report)
	}
	in.printf("%s", report.Text())
	return nil
}

// Text says for a person what a lock did.
func (r LockReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is in force on %s: %s ended", Visible(r.Lock.ID), Visible(SubjectText(r.Lock.What)), count(r.Connections, "connection"))
	if r.SessionsAll > 0 {
		fmt.Fprintf(&b, " with %s", count(r.SessionsAll, "session"))
	}
	fmt.Fprintf(&b, ", %s void, %s ended\n", count(r.Requests, "request"), count(r.Grants, "grant"))
	for _, s := range r.Sessions {
		fmt.Fprintf(&b, "  %s\n", Visible(s))
	}
	if more := r.SessionsAll - len(r.Sessions); more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	if r.Unknown {
		b.WriteString("NEITHER POLICY NOR INVENTORY KNOWS IT: is it mistyped? The lock stands all the same\n")
	}
	if !r.Noted {
		b.WriteString("NOT IN THE AUDIT LOG YET: it cannot be written; the lock stands all the same, and is noted when it can\n")
	}
	return b.String()
}

// SubjectText is a subject as ParseSubject reads it.
func SubjectText(s access.Subject) string {
	if s.Kind == access.LockEverything {
		return string(s.Kind)
	}
	return string(s.Kind) + ":" + s.Value
}

type unlockCmd struct {
	ID     string `arg:"" help:"The lock, or a unique beginning of its id."`
	Reason string `help:"Why, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

func (u *unlockCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	reason, err := line("a reason", u.Reason)
	if err != nil {
		return err
	}
	l, err := a.Unlock(in.ctx, in.who, u.ID, reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(l)
	}
	in.printf("%s", UnlockText(l))
	return nil
}

// liftEverything is how many people must want everything unlocked.
const liftEverything = 2

// UnlockText says for a person what became of a lock.
func UnlockText(l access.Lock) string {
	if missing := liftEverything - len(l.Lifts); l.What.Kind == access.LockEverything && missing > 0 {
		return fmt.Sprintf("%s STILL STANDS: %s more must lift it\n", Visible(l.ID), count(missing, "person"))
	}
	return fmt.Sprintf("%s is lifted: %s\n", Visible(l.ID), Visible(SubjectText(l.What)))
}

type locksCmd struct{}

func (*locksCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	all, err := a.Locks(in.ctx, in.who)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(append([]access.Lock{}, all...))
	}
	in.printf("%s", LocksText(all, in.c.cfg.Now()))
	return nil
}

// LocksText lists locks for a person. Nothing is cut.
func LocksText(all []access.Lock, now time.Time) string {
	if len(all) == 0 {
		return "Nothing is locked.\n"
	}
	var b strings.Builder
	for _, l := range all {
		until := "until it is lifted"
		if !l.Until.IsZero() {
			until = "until " + Stamp(l.Until)
		}
		fmt.Fprintf(&b, "%s  %s\n    since %s (%s) by %s, %s: %s\n", Visible(l.ID), Visible(SubjectText(l.What)), Stamp(l.At), Ago(l.At, now), Visible(l.By), until, Visible(l.Reason))
		if len(l.Lifts) > 0 {
			fmt.Fprintf(&b, "    %s wants it lifted; another person must too\n", Visible(strings.Join(l.Lifts, ", ")))
		}
	}
	return b.String()
}
