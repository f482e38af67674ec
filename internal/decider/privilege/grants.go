package privilege

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// keptFor is how long what has ended is kept, for whoever decides the next one like it.
const keptFor = 90 * 24 * time.Hour

// Roles are the grants of roles that a requester has now on a target.
func (s *Store) Roles(by access.Requester, target string, login policy.Login) []access.Grant {
	return s.live(by, target, login, access.RoleScope)
}

// Commands are the grants for one command that a requester has now on a target.
func (s *Store) Commands(by access.Requester, target string, login policy.Login) []access.Grant {
	return s.live(by, target, login, access.CommandScope)
}

func (s *Store) live(by access.Requester, target string, login policy.Login, kind access.ScopeKind) (list []access.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.book.Live(s.cfg.Now(), by) {
		if g.Scope.Kind == kind && g.Scope.Login == login && has(g.Scope.Targets, target) {
			list = append(list, g)
		}
	}
	return list
}

func has(list []string, name string) bool {
	for _, x := range list {
		if x == name {
			return true
		}
	}
	return false
}

// Covering finds the grants with which what is wanted may run; none if something of it stays uncovered.
func (s *Store) Covering(w access.Wanted) ([]access.Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Covering(s.cfg.Now(), w)
}

// Grant returns a grant that can be used or has to be reviewed.
func (s *Store) Grant(name string) (access.Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Grant(name)
}

// Use counts one use of each grant, together with the entries of the decision that uses them.
func (s *Store) Use(ctx context.Context, grants []string, by By, entries ...audit.Entry) error {
	_, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) { return b.Use(now, grants...) }, entries...)
	return err
}

// LiveGrants are those that have not ended and match; nil matches all.
func (s *Store) LiveGrants(match func(access.Grant) bool) []access.Grant {
	s.mu.Lock()
	all := s.book.Grants()
	s.mu.Unlock()
	return kept(all, func(g access.Grant) bool { return g.Ended.IsZero() && (match == nil || match(g)) })
}

// EndGrants ends the live grants that match, and returns them.
func (s *Store) EndGrants(ctx context.Context, match func(access.Grant) bool, cause access.Cause, why string, by By) (ended []access.Grant, err error) {
	for {
		c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) {
			return b.EndGrants(now, match, cause, why), nil
		})
		if err != nil || c.Empty() {
			return ended, err
		}
		ended = append(ended, c.Grants...)
	}
}

// Beat notes a heartbeat. Of a grant that is used up it is noted here alone, for what still runs by it.
func (s *Store) Beat(ctx context.Context, name string) (access.Grant, error) {
	c, err := s.commit(ctx, By{}, func(b *access.Book, now time.Time) (access.Change, error) { return b.Beat(now, name) })
	if errors.Is(err, access.ErrNotFound) {
		return s.beatUsed(ctx, name, err)
	}
	if err != nil {
		return access.Grant{}, err
	}
	if c.Empty() {
		return access.Grant{}, fmt.Errorf("the grant %s wants no heartbeat", name)
	}
	return c.Grants[0], nil
}

func (s *Store) beatUsed(ctx context.Context, name string, why error) (access.Grant, error) {
	g, err := s.FindGrant(ctx, name)
	if err != nil || g.Cause != access.CauseUses {
		return g, why
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.beats[g.ID]
	if !known {
		return g, why
	}
	b.at = s.cfg.Now().UTC()
	s.beats[g.ID] = b
	return g, nil
}

// Beaten is when the newest heartbeat of a grant came.
func (s *Store) Beaten(g access.Grant) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, known := s.beats[g.ID]; known {
		return b.at
	}
	return g.Beat
}

// Review notes that a person has looked at what was done with a break-glass grant.
func (s *Store) Review(ctx context.Context, org access.Org, name string, v access.Vote, by By) (access.Grant, error) {
	c, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) { return b.Review(org, now, name, v) })
	if err != nil {
		return access.Grant{}, err
	}
	return c.Grants[0], nil
}

// FindGrant returns the grant whose id it is, or the only one that begins so, ended ones too.
func (s *Store) FindGrant(ctx context.Context, name string) (access.Grant, error) {
	row, err := s.find(ctx, registry.AccessGrant, id.Grant, name)
	if err != nil {
		return access.Grant{}, err
	}
	if g, ok := s.Grant(row.ID); ok {
		return g, nil
	}
	return read[access.Grant](row)
}

// Grants lists those that match, the newest first, from before an id on; next is the Before of the following page.
func (s *Store) Grants(ctx context.Context, before string, n int, match func(access.Grant) bool) (page []access.Grant, next string, err error) {
	return pages(ctx, s, registry.AccessGrant, before, n, match, func(g access.Grant) string { return g.ID })
}

// SetAway says who answers in somebody's place; with nobody, that nobody does any more.
func (s *Store) SetAway(ctx context.Context, org access.Org, who, to string, until time.Time, by By) error {
	_, err := s.commit(ctx, by, func(b *access.Book, now time.Time) (access.Change, error) {
		if to == "" {
			return b.Return(who), nil
		}
		return b.SetAway(org, now, access.Away{ID: id.New(id.Away, now), Who: who, To: to, Until: until})
	})
	return err
}

// AwaysOf are those that stand for a person, in both directions.
func (s *Store) AwaysOf(person string) []access.Away {
	s.mu.Lock()
	all := s.book.Aways()
	s.mu.Unlock()
	list := []access.Away{}
	return append(list, kept(all, func(a access.Away) bool { return a.Who == person || a.To == person })...)
}

// NextDeadline is when something ends by itself; ok is false if nothing does.
func (s *Store) NextDeadline() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.NextDeadline()
}

// HasPreview reports whether somebody has looked at what a pending request is about.
func (s *Store) HasPreview(request string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.previews[request]
}

// PutPreview keeps what was found, as JSON.
func (s *Store) PutPreview(ctx context.Context, request string, text []byte) error {
	if err := s.cfg.Rows.PutPreview(ctx, request, text); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.previews[request] = true
	return nil
}

// Preview returns what was found; nil if nobody looked.
func (s *Store) Preview(ctx context.Context, request string) (*access.Preview, error) {
	text, err := s.cfg.Rows.Preview(ctx, request)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p access.Preview
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("read preview of %s: %w", request, err)
	}
	return &p, nil
}

// Forget removes what ended long ago.
func (s *Store) Forget(ctx context.Context) error {
	return s.cfg.Rows.ForgetAccess(ctx, s.cfg.Now().Add(-keptFor))
}
