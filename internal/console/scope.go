package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
)

// Pauser stops live sessions without ending them: the door, as the console sees it.
type Pauser interface {
	// Pause lets no byte pass any more, in either direction, when it returns; Resume lets them pass again. An order that matches no
	// live session returns an empty report and no error. Safe for concurrent use.
	Pause(ctx context.Context, order KillOrder) (PauseReport, error)
	Resume(ctx context.Context, order KillOrder) (PauseReport, error)
}

// PauseReport says what a pause or a resume did.
type PauseReport struct {
	Sessions []PausedSession `json:"sessions"`
	Until    time.Time       `json:"until,omitzero"` // of a pause: who is not resumed by then is killed
}

// PausedSession is one session that was paused, or goes on.
type PausedSession struct {
	ID     string `json:"id"`
	Quiet  bool   `json:"quiet"`  // no byte is on its way any more
	Remote string `json:"remote"` // its processes: "stopped", "running", or "unconfirmed"
}

// scopeFlags say what a kill, a pause or a resume is about.
type scopeFlags struct {
	ID         string `arg:"" optional:"" help:"The session, or a unique beginning of its id."`
	Connection string `help:"All of this connection." placeholder:"con_…"`
	Agent      string `help:"Every session of this agent." placeholder:"NAME"`
	Person     string `help:"Every session of this person." placeholder:"NAME"`
	Owner      string `help:"Every session of the agents of this owner." placeholder:"person:NAME"`
	Task       string `help:"Every session for this task." placeholder:"TEXT"`
	Target     string `help:"Every session on this target." placeholder:"NAME"`
	Group      string `help:"Every session of the group's members, and of the agents that it or one of them owns." placeholder:"NAME"`
	Rule       string `help:"Every session that this rule of the policy allowed." placeholder:"ROLE/allow[0]"`
	All        bool   `help:"Every session."`
	Reason     string `help:"Why, in one line; it is recorded and shown to the client." required:"" placeholder:"TEXT"`
}

func (f *scopeFlags) choice() (KillChoice, error) {
	choice := KillChoice{Session: f.ID, Target: f.Target, All: f.All, Connection: f.Connection, Owner: f.Owner, Task: f.Task, Group: f.Group, Rule: f.Rule}
	if f.Agent != "" && f.Person != "" {
		return choice, usagef("--agent and --person exclude each other")
	}
	if f.Agent != "" {
		choice.Identity = "agent:" + strings.TrimPrefix(f.Agent, "agent:")
	}
	if f.Person != "" {
		choice.Identity = "person:" + strings.TrimPrefix(f.Person, "person:")
	}
	return choice, nil
}

// stopOrder checks and authorises what a kill, a pause or a resume is about.
func (c *Console) stopOrder(ctx context.Context, who Credential, verb Verb, choice KillChoice, reason string) (KillOrder, error) {
	if !choice.valid() {
		return KillOrder{}, usagef("name exactly one of a session, a connection, an agent, a person, an owner, a task, a target, a group, a rule or all")
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || Visible(reason) != reason {
		return KillOrder{}, ErrReason
	}
	if choice.Session != "" {
		return c.sessionOrder(ctx, who, verb, choice.Session, reason)
	}
	by, err := c.cfg.Authorize.Authorize(ctx, who, verb, choice.object(), reason)
	return KillOrder{Identity: choice.Identity, Target: choice.Target, All: choice.All, By: by, Reason: reason}, err
}

// lookTime is how long a stop waits for the index to say which session an id is the beginning of. A whole id needs no index.
const lookTime = 2 * time.Second

// sessionOrder authorises a session's. One that has ended is still authorised first, so that the refusal comes first too.
func (c *Console) sessionOrder(ctx context.Context, who Credential, verb Verb, name, reason string) (KillOrder, error) {
	look, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, ferr := store.Session{}, error(store.ErrNotFound)
	whole, ok := normalID(name)
	if ok {
		found, ferr = c.cfg.Sessions.Get(look, whole)
	}
	if ferr == nil {
		whole = found.ID
	}
	by, err := c.cfg.Authorize.Authorize(ctx, who, verb, whole, reason)
	if err != nil {
		return KillOrder{}, err
	}
	switch unheard := !errors.Is(ferr, store.ErrNotFound) && !errors.Is(ferr, store.ErrAmbiguous); {
	case ferr != nil && !(unheard && id.Valid(id.Session, whole)):
		return KillOrder{}, fmt.Errorf("session %q: %w", whole, ferr)
	case ferr == nil && found.State != store.Live:
		return KillOrder{}, fmt.Errorf("%w: %s is %s since %s", ErrNotLive, found.ID, found.State, Stamp(found.EndedAt))
	}
	return KillOrder{Session: whole, By: by, Reason: reason}, nil
}

// Pause stops live sessions without ending them, for an hour at most; what they are about begins nothing meanwhile.
func (c *Console) Pause(ctx context.Context, who Credential, choice KillChoice, reason string) (PauseReport, error) {
	return c.holdOrRelease(ctx, who, SessionsPause, choice, reason)
}

// Resume lets what was paused go on.
func (c *Console) Resume(ctx context.Context, who Credential, choice KillChoice, reason string) (PauseReport, error) {
	return c.holdOrRelease(ctx, who, SessionsResume, choice, reason)
}

func (c *Console) holdOrRelease(ctx context.Context, who Credential, verb Verb, choice KillChoice, reason string) (PauseReport, error) {
	if c.cfg.Pause == nil {
		return PauseReport{}, usagef("nothing can be paused here")
	}
	order, err := c.stopOrder(ctx, who, verb, choice, reason)
	if err != nil {
		return PauseReport{}, err
	}
	do := c.cfg.Pause.Pause
	if verb == SessionsResume {
		do = c.cfg.Pause.Resume
	}
	report, err := do(ctx, order)
	if err != nil {
		return report, fmt.Errorf("%s: %w", verb, err)
	}
	return report, nil
}

type pauseCmd struct {
	scopeFlags `embed:""`
}

func (p *pauseCmd) Run(in *invocation) error { return p.run(in, in.c.Pause, "paused") }

type resumeCmd struct {
	scopeFlags `embed:""`
}

func (r *resumeCmd) Run(in *invocation) error { return r.run(in, in.c.Resume, "goes on") }

func (f *scopeFlags) run(in *invocation, do func(context.Context, Credential, KillChoice, string) (PauseReport, error), word string) error {
	choice, err := f.choice()
	if err != nil {
		return err
	}
	report, err := do(in.ctx, in.who, choice, f.Reason)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(report)
	}
	for _, s := range report.Sessions {
		in.println(pausedLine(s, word))
	}
	if len(report.Sessions) == 0 {
		in.println("No live session is meant.")
	}
	if !report.Until.IsZero() {
		in.printf("Nothing of it begins until %s; who is not resumed by then is killed.\n", Stamp(report.Until))
	}
	return nil
}

func pausedLine(s PausedSession, word string) string {
	line := s.ID + " " + word + ": processes on the target " + strings.ToUpper(s.Remote)
	if s.Remote != "unconfirmed" {
		line = s.ID + " " + word + ": processes on the target " + s.Remote
	}
	if word == "paused" && !s.Quiet {
		line += "; BYTES WERE STILL ON THEIR WAY"
	}
	return line
}
