package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Detail is one session with what its recording says.
type Detail struct {
	By       Actor    `json:"-"`
	Session  Session  `json:"session"`
	Timeline Timeline `json:"timeline"`
	Unmasked bool     `json:"unmasked,omitempty"` // secrets are shown
}

// Show returns the session whose id is, or uniquely begins with, id.
func (c *Console) Show(ctx context.Context, who Credential, id string) (Detail, error) {
	by, s, err := c.session(ctx, who, SessionsShow, id, "")
	if err != nil {
		return Detail{}, err
	}
	t, err := c.timeline(s)
	if err != nil {
		return Detail{}, fmt.Errorf("read recording of %s: %w", s.ID, err)
	}
	view, err := c.addKept(ctx, s, c.detail(ctx, s))
	t.sayGone(view.Kept)
	return Detail{By: by, Session: view, Timeline: t, Unmasked: c.unmasked()}, err
}

func exitText(status *int, signal string) string {
	switch {
	case signal != "":
		return "ended by signal " + signal
	case status != nil:
		return "exit status " + strconv.Itoa(*status)
	default:
		return "ended without a status"
	}
}

type showCmd struct {
	ID string `arg:"" help:"The session, or a beginning of its id that is unique."`
	unmaskFlags
}

func (s *showCmd) Run(in *invocation) error {
	c, err := s.console(in.c)
	if err != nil {
		return err
	}
	d, err := c.Show(in.ctx, in.who, s.ID)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(d)
	}
	in.printf("%s\n\n", d.Session.ID)
	for _, f := range d.Facts() {
		in.printf("  %-11s %s\n", f.Name, Visible(f.Value))
	}
	in.println()
	printTimeline(in, d.Timeline)
	return nil
}

// Facts lists what is known of the session, and which shell it was, if its recording says.
func (d Detail) Facts() []Fact {
	facts := Facts(d.Session)
	if len(d.Timeline.Moments) == 0 || !d.Timeline.Moments[0].Governed {
		return facts
	}
	at := slices.IndexFunc(facts, func(f Fact) bool { return f.Name == "who" })
	return slices.Insert(facts, max(at, 0), Fact{"shell", "governed: each command of it is decided by itself"})
}

// Fact is one line about a session, for people.
type Fact struct{ Name, Value string }

// Facts lists what is known of a session and worth reading, in reading order. Values are foreign text.
func Facts(s Session) []Fact {
	ended, bytes := "", "" // of a live one they are not known yet
	if s.Ended != nil {
		ended, bytes = Stamp(*s.Ended), fmt.Sprintf("%s in, %s out", Bytes(s.BytesIn), Bytes(s.BytesOut))
	}
	all := []Fact{
		{"command", s.Command}, {"state", stateText(s)}, {"why", s.Reason}, {"rule", s.Rule}, {"code", s.Code},
		{"who", s.Identity}, {"owner", s.Owner}, {"task", s.Task}, {"where", s.Login + "@" + s.Target}, {"from", s.Source},
		{"mode", strings.Trim(s.Mode+", "+s.Exactness, ", ")}, {"started", Stamp(s.Started)}, {"ended", ended},
		{"took", fmt.Sprintf("%s (%.3f s)", Took(s.Took()), s.Seconds)},
		{"left there", s.Residue}, {"bytes", bytes},
		{"connection", s.Connection}, {"recording", hashText(s.Recording)}, {"kept", s.Kept.Text()},
	}
	var out []Fact
	for _, f := range all {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func hashText(hash string) string {
	if hash == "" {
		return ""
	}
	return "sha256:" + hash
}

// stateText says how the session stands and what is known of the remote process.
func stateText(s Session) string {
	text := Outcome(s)
	switch s.Remote {
	case "ended":
		text += "; the target confirmed that nothing of it still runs"
	case "unconfirmed":
		text += "; whether its process on the target ended is unconfirmed"
	}
	return text
}

func printTimeline(in *invocation, t Timeline) {
	if t.Locked != "" {
		in.println(Visible(t.Locked))
		return
	}
	if !t.Recorded {
		in.println("No recording.")
		return
	}
	for _, m := range t.Moments {
		in.printf("  %s  +%-7s %s\n", m.Time.Format("15:04:05"), Offset(m.At()), momentLine(m))
		for _, line := range momentNotes(m) {
			in.printf("%23s%s\n", "", line)
		}
	}
	if t.Omitted > 0 {
		in.printf("  … and %d more\n", t.Omitted)
	}
	if t.Torn {
		in.println("  The recording ends in the middle: its last second may be missing.")
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// momentNotes are what stands below a moment.
func momentNotes(m Moment) (notes []string) {
	if m.Step > 0 {
		notes = shellNotes(m)
	} else if m.Decision != nil && !m.Governed {
		for _, s := range m.Steps {
			line := mark(!s.Failed && m.Decision.Verdict == "allow") + " " + Visible(strings.Join(s.Argv, " ")) + "  " + Visible(s.Rule)
			notes = append(notes, strings.TrimRight(line, " "))
		}
	}
	if m.Final != "" {
		notes = append(notes, "runs "+Visible(m.Final))
	}
	if m.Decision != nil && m.Decision.Reason != "" {
		notes = append(notes, Visible(m.Decision.Reason))
	}
	if m.Ended != "" {
		notes = append(notes, EndText(m))
	}
	return notes
}

func momentLine(m Moment) string {
	line := Visible(m.Text)
	switch m.Kind {
	case "command", "decision":
		if m.Decision == nil {
			return "asked   " + line
		}
		if m.Governed {
			return strings.TrimRight("shell   "+line, " ") + "  (governed)"
		}
		return mark(m.Decision.Verdict == "allow") + " " + fmt.Sprintf("%-5s ", m.Decision.Verdict) + line
	case "kill":
		return "killed  by " + Visible(m.By) + ": " + line
	case "exit":
		return line
	default:
		return fmt.Sprintf("%-7s %s", m.Kind, line)
	}
}
