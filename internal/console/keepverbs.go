package console

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder/search"
)

// HoldView is a hold as programs see it.
type HoldView struct {
	ID       string    `json:"id"`
	Session  string    `json:"session,omitempty"`
	Identity string    `json:"identity,omitempty"`
	Target   string    `json:"target,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

func viewHold(h store.Hold) HoldView {
	return HoldView{h.ID, h.Session, h.Identity, h.Target, h.Since, h.Until, h.Reason, h.By, h.At}
}

// what says what a hold is about.
func (h HoldView) what() string {
	if h.Session != "" {
		return h.Session
	}
	return HoldChoice{Identity: h.Identity, Target: h.Target, Since: h.Since, Until: h.Until}.object()
}

type holdCmd struct {
	ID     string `arg:"" optional:"" help:"The session, or a unique beginning of its id."`
	Agent  string `help:"Every session of this agent." placeholder:"NAME"`
	Person string `help:"Every session of this person." placeholder:"NAME"`
	Target string `help:"Every session on this target." placeholder:"NAME"`
	Since  string `help:"Sessions that started then or later: 2h, 3d, 2026-11-28 or a whole time." placeholder:"TIME"`
	Until  string `help:"Sessions that started before; of a date, the whole day." placeholder:"TIME"`
	Reason string `help:"Why, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

// choice reads the flags; times are written as in a search.
func (h *holdCmd) choice(now time.Time) (HoldChoice, error) {
	kill, err := (&scopeFlags{ID: h.ID, Agent: h.Agent, Person: h.Person, Target: h.Target}).choice()
	out := HoldChoice{Session: kill.Session, Identity: kill.Identity, Target: kill.Target}
	if err != nil {
		return out, err
	}
	if out.Since, err = search.Time("since", h.Since, now); err != nil {
		return out, usagef("--%s", err)
	}
	if out.Until, err = search.Time("until", h.Until, now); err != nil {
		return out, usagef("--%s", err)
	}
	return out, nil
}

func (h *holdCmd) Run(in *invocation) error {
	choice, err := h.choice(in.c.cfg.Now())
	if err != nil {
		return err
	}
	made, err := in.c.Hold(in.ctx, in.who, choice, strings.TrimSpace(h.Reason))
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(viewHold(made))
	}
	in.printf("%s holds %s until it is lifted.\n", made.ID, Visible(viewHold(made).what()))
	return nil
}

type unholdCmd struct {
	ID     string `arg:"" help:"The hold's id, or a session's."`
	Reason string `help:"Why, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

func (u *unholdCmd) Run(in *invocation) error {
	lifted, err := in.c.Unhold(in.ctx, in.who, u.ID, strings.TrimSpace(u.Reason))
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(viewHold(lifted))
	}
	in.printf("%s is lifted: %s\n", lifted.ID, Visible(viewHold(lifted).what()))
	return nil
}

type holdsCmd struct{}

func (*holdsCmd) Run(in *invocation) error {
	all, err := in.c.Holds(in.ctx, in.who)
	if err != nil {
		return err
	}
	list := make([]HoldView, 0, len(all))
	for _, h := range all {
		list = append(list, viewHold(h))
	}
	if in.json {
		return in.printJSON(list)
	}
	if len(list) == 0 {
		in.println("Nothing is held.")
	}
	for _, h := range list {
		in.printf("%s  %s\n    since %s by %s: %s\n", h.ID, Visible(h.what()), Stamp(h.At), Visible(h.By), Visible(h.Reason))
	}
	return nil
}

type shredCmd struct {
	ID     string `arg:"" help:"The session, or a unique beginning of its id."`
	Reason string `help:"Why, in one line; it is recorded." required:"" placeholder:"TEXT"`
}

func (s *shredCmd) Run(in *invocation) error {
	id, err := in.c.Shred(in.ctx, in.who, s.ID, strings.TrimSpace(s.Reason))
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(map[string]string{"session": id, "state": store.Shredded})
	}
	in.printf("%s can no longer be read by anybody, here. Backups and copies that were exported still have its key.\n", id)
	return nil
}

// Kept is what became of a session's recording, or keeps it.
type Kept struct {
	Kind string    `json:"kind"` // "deleted", "shredded" or "held"
	At   time.Time `json:"at"`
	Why  string    `json:"why"`
	By   string    `json:"by,omitempty"`
}

// Text is one line for a person; empty for nil.
func (k *Kept) Text() string {
	if k == nil {
		return ""
	}
	text := fmt.Sprintf("%s on %s", k.Kind, Stamp(k.At))
	switch {
	case k.Kind == "held":
		text = fmt.Sprintf("held since %s", Stamp(k.At))
	case k.By == "":
		return text + " by the rule: " + k.Why
	}
	return text + " by " + k.By + ": " + k.Why
}
