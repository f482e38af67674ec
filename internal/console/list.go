package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/store"
)

// maxList bounds every listing; the store has the same bound.
const maxList = 500

// Listing is a page of sessions: those that are live first, then newest first.
type Listing struct {
	By       Actor     `json:"-"`
	Sessions []Session `json:"sessions"`
	Next     string    `json:"next,omitempty"` // the cursor of the page after this one, empty at the end
	Mark     string    `json:"mark"`           // changes when a list would: see Changes
}

// List returns the sessions that f admits.
func (c *Console) List(ctx context.Context, who Credential, f store.Filter) (Listing, error) {
	by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsList, "", "")
	if err != nil {
		return Listing{}, err
	}
	return c.list(ctx, by, f)
}

func (c *Console) list(ctx context.Context, by Actor, f store.Filter) (Listing, error) {
	if f.Limit <= 0 || f.Limit > maxList {
		f.Limit = 100
	}
	mark, err := c.mark(ctx)
	if err != nil {
		return Listing{}, err
	}
	page, err := c.cfg.Sessions.List(ctx, f)
	if err != nil {
		return Listing{}, fmt.Errorf("list sessions: %w", err)
	}
	out := Listing{By: by, Sessions: []Session{}, Mark: mark}
	if len(page) == f.Limit {
		out.Next = page[len(page)-1].ID
	}
	if f.State == "" {
		if page, err = c.liveFirst(ctx, f, page); err != nil {
			return Listing{}, err
		}
	}
	for _, s := range page {
		out.Sessions = append(out.Sessions, c.view(ctx, s))
	}
	return out, c.addFates(ctx, out.Sessions)
}

// liveFirst puts what is live at the head of the first page and takes it out of the others, where it would come again.
func (c *Console) liveFirst(ctx context.Context, f store.Filter, page []store.Session) ([]store.Session, error) {
	var out []store.Session
	if f.Before == "" {
		live := f
		live.State, live.Limit = store.Live, maxList
		var err error
		if out, err = c.cfg.Sessions.List(ctx, live); err != nil {
			return nil, fmt.Errorf("list live sessions: %w", err)
		}
	}
	for _, s := range page {
		if s.State != store.Live {
			out = append(out, s)
		}
	}
	return out, nil
}

func (c *Console) view(ctx context.Context, s store.Session) Session {
	return viewSession(s, c.ShortID(ctx, s.ID), c.cfg.Now().UTC(), c.mask)
}

type listCmd struct {
	Live   bool          `help:"Only sessions that still run."`
	State  string        `help:"Only sessions in this state: live, waiting (for people's approval), ended, denied, killed, failed or interrupted." placeholder:"STATE" enum:",live,waiting,ended,denied,killed,failed,interrupted" default:""`
	Denied bool          `help:"Only sessions that policy denied."`
	Agent  string        `help:"Only sessions of this agent." placeholder:"NAME"`
	Person string        `help:"Only sessions of this person." placeholder:"NAME"`
	Target string        `help:"Only sessions on this target." placeholder:"NAME"`
	Since  time.Duration `help:"Only sessions that started within this time." placeholder:"24h"`
	Before string        `help:"Only sessions older than this one (the next page)." placeholder:"ID"`
	Limit  int           `help:"At most this many, up to 500." default:"50" short:"n"`
}

func (l *listCmd) filter(now time.Time) (store.Filter, error) {
	f := store.Filter{State: store.State(l.State), Target: l.Target, Limit: l.Limit}
	if l.Limit < 1 || l.Limit > maxList {
		return f, usagef("--limit takes a number from 1 to %d", maxList)
	}
	if l.Agent != "" && l.Person != "" {
		return f, usagef("--agent and --person exclude each other")
	}
	if l.State == "waiting" {
		f.State, f.Verdict = store.Live, "ask"
	}
	if l.Live {
		f.State = store.Live
	}
	if l.Denied {
		f.Verdict = "deny"
	}
	if l.Agent != "" {
		f.Identity = "agent:" + strings.TrimPrefix(l.Agent, "agent:")
	}
	if l.Person != "" {
		f.Identity = "person:" + strings.TrimPrefix(l.Person, "person:")
	}
	if l.Since > 0 {
		f.Since = now.Add(-l.Since)
	}
	if l.Before != "" {
		id, ok := normalID(l.Before)
		if !ok {
			return f, usagef("--before %q is not a session id", l.Before)
		}
		f.Before = id
	}
	return f, nil
}

func (l *listCmd) Run(in *invocation) error {
	f, err := l.filter(in.c.cfg.Now())
	if err != nil {
		return err
	}
	list, err := in.c.List(in.ctx, in.who, f)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(list)
	}
	if len(list.Sessions) == 0 {
		in.println("No sessions.")
		return nil
	}
	sessionTable(list.Sessions, in.c.cfg.Now().UTC(), in.width()).render(in.out, in.width())
	if list.Next != "" {
		in.printf("\nOlder ones: sessions list --before %s\n", list.Next)
	}
	return nil
}
