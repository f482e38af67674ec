package privilege

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy/access"
)

// Ask returns the pending request of the same requester for the same, or makes it; fresh says which.
func (s *Store) Ask(ctx context.Context, org access.Org, r access.Request, by By) (got access.Request, fresh bool, err error) {
	c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) {
		if old, ok := b.Pending(now, r.By, r.Scope); ok && sameTerms(old, r) {
			got = old
			return access.Change{}, nil
		}
		return b.Ask(org, now, r)
	})
	if err != nil || got.ID != "" {
		return got, false, err
	}
	return c.Requests[0], true, nil
}

// sameTerms reports whether the same people must approve two requests, and b says nothing that a does not.
func sameTerms(a, b access.Request) bool {
	return fmt.Sprint(a.Need, a.Rules) == fmt.Sprint(b.Need, b.Rules) && (b.Ticket == "" || a.Ticket == b.Ticket) && (b.Reason == "" || a.Reason == b.Reason)
}

// Vote counts a person's answer, whose proof was verified. The last one that was missing makes the grant.
func (s *Store) Vote(ctx context.Context, org access.Org, request string, v access.Vote, by By) (access.Request, error) {
	c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) {
		return b.Vote(org, now, request, v, id.New(id.Grant, now))
	})
	if err != nil {
		return access.Request{}, err
	}
	return c.Requests[0], nil
}

// Glass gives a person a role at once, by a request whose proof was verified.
func (s *Store) Glass(ctx context.Context, org access.Org, r access.Request, by By) (access.Request, error) {
	c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) {
		return b.BreakGlass(org, now, r, id.New(id.Grant, now))
	})
	if err != nil {
		return access.Request{}, err
	}
	return c.Requests[0], nil
}

// Withdraw ends a request at the word of whoever may.
func (s *Store) Withdraw(ctx context.Context, request, why string, by By) (access.Request, error) {
	c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) { return b.Withdraw(now, request, why) })
	if err != nil {
		return access.Request{}, err
	}
	return c.Requests[0], nil
}

// Void ends the pending requests that match, and returns their ids.
func (s *Store) Void(ctx context.Context, match func(access.Request) bool, why string, by By) (ended []string, err error) {
	return s.sweep(ctx, by, func(b *access.Book, now time.Time) access.Change { return b.Void(now, match, why) })
}

// Expire ends what is over, and returns the ids of the requests among it.
func (s *Store) Expire(ctx context.Context, by By) (ended []string, err error) {
	return s.sweep(ctx, by, func(b *access.Book, now time.Time) access.Change { return b.Expire(now) })
}

// sweep makes changes until none is left.
func (s *Store) sweep(ctx context.Context, by By, change func(*access.Book, time.Time) access.Change) (ended []string, err error) {
	for {
		c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) { return change(b, now), nil })
		if err != nil || c.Empty() {
			return ended, err
		}
		for _, r := range c.Requests {
			ended = append(ended, r.ID)
		}
	}
}

// PendingRequests are those that match; nil matches all.
func (s *Store) PendingRequests(match func(access.Request) bool) []access.Request {
	s.mu.Lock()
	all := s.book.Requests()
	s.mu.Unlock()
	return kept(all, match)
}

func kept[T any](all []T, match func(T) bool) []T {
	if match == nil {
		return all
	}
	var list []T
	for _, x := range all {
		if match(x) {
			list = append(list, x)
		}
	}
	return list
}

// MayAnswer says whether a person may answer a request now, and in whose place; why is empty if they may.
func (s *Store) MayAnswer(org access.Org, r access.Request, person string) (instead, why string) {
	if r.State != access.Pending {
		return access.MayAnswer(org, r, person, nil, s.cfg.Now())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.MayAnswer(org, s.cfg.Now(), r.ID, person)
}

// Request returns a request by its whole id, open or not; registry.ErrNotFound.
func (s *Store) Request(ctx context.Context, name string) (access.Request, error) {
	s.mu.Lock()
	r, ok := s.book.Request(name)
	s.mu.Unlock()
	if ok {
		return r, nil
	}
	row, err := s.cfg.Rows.Access(ctx, name)
	if err == nil && row.Kind != registry.AccessRequest {
		err = registry.ErrNotFound
	}
	if err != nil {
		return access.Request{}, err
	}
	return read[access.Request](row)
}

// minPrefix is how much of an id must be given.
const minPrefix = 6

// errAmbiguous says that an id's beginning is that of several.
var errAmbiguous = errors.New("more than one begins so")

// Find returns the request whose id it is, or the only one that begins so.
func (s *Store) Find(ctx context.Context, name string) (access.Request, error) {
	row, err := s.find(ctx, registry.AccessRequest, id.Access, name)
	if err != nil {
		return access.Request{}, err
	}
	return s.Request(ctx, row.ID)
}

func (s *Store) find(ctx context.Context, kind registry.AccessKind, prefix id.Prefix, name string) (registry.AccessRow, error) {
	if !strings.HasPrefix(name, string(prefix)+"_") || len(name) < minPrefix || len(name) > 64 {
		return registry.AccessRow{}, registry.ErrNotFound
	}
	rows, err := s.cfg.Rows.FindAccess(ctx, kind, name)
	switch {
	case err != nil:
		return registry.AccessRow{}, err
	case len(rows) == 0:
		return registry.AccessRow{}, registry.ErrNotFound
	case len(rows) > 1 && rows[0].ID != name:
		return registry.AccessRow{}, errAmbiguous
	}
	return rows[0], nil
}

// Requests lists those that match, the newest first, from before an id on; next is the Before of the following page.
func (s *Store) Requests(ctx context.Context, before string, n int, match func(access.Request) bool) (page []access.Request, next string, err error) {
	return pages(ctx, s, registry.AccessRequest, before, n, match, func(r access.Request) string { return r.ID })
}

// pages reads rows until a page is full.
func pages[T any](ctx context.Context, s *Store, kind registry.AccessKind, before string, n int, match func(T) bool, idOf func(T) string) (page []T, next string, err error) {
	page = []T{}
	for {
		rows, err := s.cfg.Rows.AccessPage(ctx, kind, before, maxAtOnce)
		if err != nil {
			return nil, "", err
		}
		all, err := readAll[T](rows)
		if err != nil {
			return nil, "", err
		}
		for _, x := range all {
			if before = idOf(x); !match(x) {
				continue
			}
			if page = append(page, x); len(page) == n {
				return page, before, nil
			}
		}
		if len(rows) < maxAtOnce {
			return page, "", nil
		}
	}
}

// Similar lists what became of the newest requests that are like one.
func (s *Store) Similar(ctx context.Context, r access.Request, n int) ([]access.Request, error) {
	rows, err := s.cfg.Rows.AlikeAccess(ctx, alike(r), r.ID, n)
	if err != nil {
		return nil, err
	}
	return readAll[access.Request](rows)
}

// MayBreakGlass says why a person may not take a role in an emergency now: an earlier one was not reviewed. It is empty if they may.
func (s *Store) MayBreakGlass(by access.Requester, role string) (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.MayBreakGlass(by, role)
}
