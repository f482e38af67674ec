package privilege

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"gatehouse/internal/decider/registry"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// Config is what a Store works with. All are required.
type Config struct {
	Rows *registry.Registry
	Note func(ctx context.Context, entries ...audit.Entry) error // appends to the audit log; durable when it returns
	Now  func() time.Time
}

// Store keeps requests, grants and stand-ins. Safe for concurrent use.
//
// Lock order: changing, then whatever Note takes, then mu. No function that a caller hands in is called with mu held, but those that
// match or make a change; these must not call the Store.
type Store struct {
	cfg Config

	changing sync.Mutex // one change at a time: held while it is stored and noted
	noted    int64      // changes up to this one are in the log
	undo     *undo      // of a change that the log would not have and that could not be taken back yet

	mu       sync.Mutex
	book     *access.Book
	beats    map[string]beat // of grants that want them: also of those that are used up, which what runs by them still needs
	previews map[string]bool // pending requests that have one

	hmu     sync.RWMutex
	holders map[string]int // how many requests and grants of each principal are open
}

// beat is when the newest heartbeat of a grant came, and when the grant ends in any case.
type beat struct{ at, ends time.Time }

// undo is a change that is to be taken back.
type undo struct {
	change int64
	before registry.AccessChange
}

// By is who makes a change, and for what.
type By struct {
	Actor    string // principal, "local:NAME", or what of Gatehouse it is
	Conn     string
	Decision string // by which a grant is used
	Session  string
	Policy   string // hash of the policy by which a vote counts; empty: that of the request
}

// maxAtOnce bounds the objects of one change, whose entries go into the log together.
const maxAtOnce = 200

// Open loads what is open. Changes that the log may not have are noted first, as they were.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg, beats: map[string]beat{}, previews: map[string]bool{}, holders: map[string]int{}}
	if err := s.noteRest(ctx); err != nil {
		return nil, err
	}
	rows, err := cfg.Rows.LiveAccess(ctx)
	if err != nil {
		return nil, err
	}
	var stored access.Change
	for _, row := range rows {
		if err := add(&stored, row); err != nil {
			return nil, err
		}
	}
	s.book = access.NewBook(stored)
	s.remember(stored)
	for _, r := range s.book.Requests() {
		_, err := cfg.Rows.Preview(ctx, r.ID)
		if err != nil && !errors.Is(err, registry.ErrNotFound) {
			return nil, err
		}
		s.previews[r.ID] = err == nil
	}
	return s, nil
}

// Close notes in the registry what is in the log, so that the next start does not say it again. The Store is not to be used after it.
func (s *Store) Close(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.takeBack(ctx); err != nil {
		return err
	}
	_, err := s.cfg.Rows.ChangeAccess(ctx, registry.AccessChange{Noted: s.noted})
	return err
}

// add reads a row into what was stored.
func add(to *access.Change, row registry.AccessRow) (err error) {
	switch row.Kind {
	case registry.AccessRequest:
		to.Requests, err = addTo(to.Requests, row)
	case registry.AccessGrant:
		to.Grants, err = addTo(to.Grants, row)
	case registry.AccessAway:
		to.Aways, err = addTo(to.Aways, row)
	default:
		err = fmt.Errorf("read %s: no kind is %q", row.ID, row.Kind)
	}
	return err
}

func addTo[T any](list []T, row registry.AccessRow) ([]T, error) {
	v, err := read[T](row)
	return append(list, v), err
}

// noteRest notes what a crash may have kept out of the log.
func (s *Store) noteRest(ctx context.Context) error {
	rest, err := s.cfg.Rows.UnnotedAccess(ctx)
	if err != nil {
		return err
	}
	for _, u := range rest {
		var entries []audit.Entry
		if err := json.Unmarshal(u.Entries, &entries); err != nil {
			return fmt.Errorf("read the entries of change %d: %w", u.Change, err)
		}
		for i := range entries {
			entries[i].Data = late(entries[i].Data)
		}
		if err := s.cfg.Note(ctx, entries...); err != nil {
			return err
		}
		s.noted = u.Change
	}
	_, err = s.cfg.Rows.ChangeAccess(ctx, registry.AccessChange{Noted: s.noted})
	return err
}

// late says in an entry's data that it comes late.
func late(data json.RawMessage) json.RawMessage {
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(data, &fields) // ours
	fields["noted"] = json.RawMessage(`"at the start after a crash"`)
	text, err := json.Marshal(fields)
	if err != nil || len(text) > audit.MaxData {
		return data
	}
	return text
}

// commit makes a change true: it is made from the book, stored with its entries, noted together with more, and applied. A change that
// is empty needs nothing but more.
func (s *Store) commit(ctx context.Context, by By, change func(*access.Book, time.Time) (access.Change, error), more ...audit.Entry) (access.Change, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	ctx = context.WithoutCancel(ctx)
	if err := s.takeBack(ctx); err != nil {
		return access.Change{}, err
	}
	now := s.cfg.Now().UTC()
	s.mu.Lock()
	c, err := change(s.book, now)
	c = limit(c)
	old := s.old(c)
	s.mu.Unlock()
	switch {
	case err != nil:
		return access.Change{}, err
	case c.Empty() && len(more) == 0:
		return c, nil
	case c.Empty():
		return c, s.cfg.Note(ctx, more...)
	}
	if err := s.write(ctx, c, old, entriesOf(old, c, by, now), more); err != nil {
		return access.Change{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.book.Apply(c); err != nil {
		return access.Change{}, err // nothing else changes the book
	}
	s.remember(c)
	return c, nil
}

// limit takes the first of a change's objects: whoever makes many asks again.
func limit(c access.Change) access.Change {
	c.Requests = c.Requests[:min(len(c.Requests), maxAtOnce)]
	c.Grants = c.Grants[:min(len(c.Grants), maxAtOnce)]
	return c
}

// write stores a change and notes it. What the log does not take is taken back.
func (s *Store) write(ctx context.Context, c access.Change, old access.Change, entries, more []audit.Entry) error {
	rows, err := rowsOf(c)
	if err != nil {
		return err
	}
	before, err := beforeOf(old, c)
	if err != nil {
		return err
	}
	stored := registry.AccessChange{Rows: rows, Remove: c.Returned, Noted: s.noted}
	if len(entries) > 0 {
		if stored.Entries, err = json.Marshal(entries); err != nil {
			return fmt.Errorf("encode entries: %w", err)
		}
	}
	number, err := s.cfg.Rows.ChangeAccess(ctx, stored)
	if err != nil {
		return err
	}
	all := append(append([]audit.Entry(nil), more...), entries...)
	if len(all) == 0 {
		return nil // a heartbeat
	}
	if err := s.cfg.Note(ctx, all...); err != nil {
		s.undo = &undo{number, before}
		return errors.Join(err, s.takeBack(ctx))
	}
	s.noted = max(s.noted, number)
	return nil
}

// takeBack takes the change back that the log would not have. Until that is done nothing else is changed.
func (s *Store) takeBack(ctx context.Context) error {
	if s.undo == nil {
		return nil
	}
	if err := s.cfg.Rows.UndoAccess(ctx, s.undo.change, s.undo.before); err != nil {
		return err
	}
	s.undo = nil
	return nil
}

// old is what the objects of a change are now; those that are new are not in it. Called with mu held.
func (s *Store) old(c access.Change) (old access.Change) {
	for _, r := range c.Requests {
		if was, ok := s.book.Request(r.ID); ok {
			old.Requests = append(old.Requests, was)
		}
	}
	for _, g := range c.Grants {
		if was, ok := s.book.Grant(g.ID); ok {
			old.Grants = append(old.Grants, was)
		}
	}
	for _, a := range s.book.Aways() {
		for _, id := range c.Returned {
			if a.ID == id {
				old.Aways = append(old.Aways, a)
			}
		}
	}
	return old
}

// beforeOf is the change that takes c back.
func beforeOf(old, c access.Change) (registry.AccessChange, error) {
	rows, err := rowsOf(old)
	if err != nil {
		return registry.AccessChange{}, err
	}
	was := map[string]bool{}
	for _, row := range rows {
		was[row.ID] = true
	}
	before := registry.AccessChange{Rows: rows}
	for _, r := range c.Requests {
		if !was[r.ID] {
			before.Remove = append(before.Remove, r.ID)
		}
	}
	for _, g := range c.Grants {
		if !was[g.ID] {
			before.Remove = append(before.Remove, g.ID)
		}
	}
	for _, a := range c.Aways {
		before.Remove = append(before.Remove, a.ID)
	}
	return before, nil
}

// remember keeps what is looked up often. Called with mu held, after a change.
func (s *Store) remember(c access.Change) {
	now := s.cfg.Now()
	maps.DeleteFunc(s.beats, func(_ string, b beat) bool { return now.After(b.ends) })
	for _, g := range c.Grants {
		if g.Scope.Beat > 0 {
			s.beats[g.ID] = beat{g.Beat, g.Ends}
		}
	}
	for _, r := range c.Requests {
		if !r.Open() {
			delete(s.previews, r.ID)
		}
	}
	s.count()
}

// count counts what each principal has open. Called with mu held, or before anybody else knows the Store.
func (s *Store) count() {
	holders := map[string]int{}
	for _, r := range s.book.Requests() {
		holders[r.By.Principal]++
	}
	for _, g := range s.book.Grants() {
		holders[g.By.Principal]++
	}
	s.hmu.Lock()
	defer s.hmu.Unlock()
	s.holders = holders
}

// Holds reports whether a principal has a request or a grant that is open. It is all that a plain command costs here.
func (s *Store) Holds(principal string) bool {
	s.hmu.RLock()
	defer s.hmu.RUnlock()
	return s.holders[principal] > 0
}
