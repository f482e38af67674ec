package console

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/store"
)

// Overview is what someone who has just arrived should know. Counts stop at 500; then More is true.
type Overview struct {
	By       Actor     `json:"-"`
	Live     int       `json:"live"`
	Started  int       `json:"started_24h"`
	Denied   int       `json:"denied_24h"`
	Killed   int       `json:"killed_24h"`
	Agents   int       `json:"agents_24h"`
	Targets  int       `json:"targets_24h"`
	More     bool      `json:"more,omitempty"`
	Running  []Session `json:"running"` // at most 8
	Recent   []Session `json:"recent"`  // at most 8, none of them live
	Refusals []Session `json:"denials"` // at most 5, of the last 24 hours
	Storage  *Storage  `json:"storage,omitempty"`
	Mark     string    `json:"mark"` // as in Listing
}

// Overview counts the last 24 hours and returns the newest sessions.
func (c *Console) Overview(ctx context.Context, who Credential) (Overview, error) {
	by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsList, "", "")
	if err != nil {
		return Overview{}, err
	}
	mark, err := c.mark(ctx)
	if err != nil {
		return Overview{}, err
	}
	live, err := c.cfg.Sessions.List(ctx, store.Filter{State: store.Live, Limit: maxList})
	if err != nil {
		return Overview{}, fmt.Errorf("list live sessions: %w", err)
	}
	day, err := c.cfg.Sessions.List(ctx, store.Filter{Since: c.cfg.Now().Add(-24 * time.Hour), Limit: maxList})
	if err != nil {
		return Overview{}, fmt.Errorf("list sessions of 24 hours: %w", err)
	}
	out := Overview{By: by, Mark: mark, Storage: c.storage(), Live: len(live), Started: len(day), More: len(day) == maxList || len(live) == maxList}
	out.Running = c.views(ctx, live, 8, func(store.Session) bool { return true })
	out.Refusals = c.views(ctx, day, 5, func(s store.Session) bool { return s.Verdict == "deny" })
	agents, targets := map[string]bool{}, map[string]bool{}
	for _, s := range day {
		agents[s.Identity], targets[s.Target] = true, true
		if s.Verdict == "deny" {
			out.Denied++
		}
		if s.State == store.Killed {
			out.Killed++
		}
	}
	out.Agents, out.Targets = len(agents), len(targets)
	newest, err := c.cfg.Sessions.List(ctx, store.Filter{Limit: 50})
	if err != nil {
		return Overview{}, fmt.Errorf("list newest sessions: %w", err)
	}
	out.Recent = c.views(ctx, newest, 8, func(s store.Session) bool { return s.State != store.Live })
	return out, nil
}

func (c *Console) views(ctx context.Context, from []store.Session, limit int, admit func(store.Session) bool) []Session {
	out := []Session{}
	for _, s := range from {
		if len(out) == limit {
			break
		}
		if admit(s) {
			out = append(out, c.view(ctx, s))
		}
	}
	return out
}
