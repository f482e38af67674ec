package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"gatehouse/internal/sqlite"
)

// ErrTooWide is returned when the time for a search was over before anything was looked at.
var ErrTooWide = errors.New("this search takes too long: add a word or a filter, or write out what comes before a star")

// Search returns a page of what q finds; from is the cursor of a page before, or empty.
func (s *Store) Search(ctx context.Context, q *Query, from string) (Page, error) {
	if !Built {
		return Page{}, ErrOff
	}
	f := finding{q: q}
	if from != "" {
		var err error
		if f.from, err = parseCursor(from); err != nil {
			return Page{}, err
		}
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Page{}, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, s.cfg.Longest)
	defer cancel()
	err := s.search(limited, &f)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return f.stopped()
	}
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", sqlite.Explain(err))
	}
	return f.page, nil
}

// search goes through the months.
func (s *Store) search(ctx context.Context, f *finding) error {
	names, err := s.names(f)
	if err != nil {
		return err
	}
	for _, name := range names {
		done, err := s.searchMonth(ctx, f, name)
		if done || err != nil {
			return err
		}
	}
	return nil
}

// names lists the months to be looked at.
func (s *Store) names(f *finding) ([]string, error) {
	var only string
	if f.q.Session != "" {
		at, err := placeOf(f.q.Session)
		if err != nil {
			return nil, err
		}
		only = at.month
	}
	all, err := s.months()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range all {
		begin, err := time.Parse(monthLayout, name)
		late := !f.q.Until.IsZero() && begin.After(f.q.Until.Add(time.Hour)) // the id's time may be a little before the session's
		if err == nil && !late && (only == "" || only == name) && (f.from.month == "" || name <= f.from.month) {
			names = append(names, name)
		}
	}
	return names, nil
}

// searchMonth looks through one month; done says that the page is full.
func (s *Store) searchMonth(ctx context.Context, f *finding, name string) (done bool, err error) {
	if last, ok := s.last(name); ok && !f.q.Since.IsZero() && last < f.q.Since.UnixMicro() {
		return false, nil
	}
	m, err := s.take(ctx, name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	done, err = s.read(ctx, f, m)
	s.give(m)
	if broken(err) {
		return false, s.lose(m, err) // the other months are searched
	}
	return done, err
}

// last is the time of a month's newest row, in µs, if it is known.
func (s *Store) last(name string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.lasts[name]
	return last, ok
}

// read looks through an open month, as it was at one moment.
func (s *Store) read(ctx context.Context, f *finding, m *month) (done bool, err error) {
	tx, err := m.reader.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if !f.q.Since.IsZero() {
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(last) FROM sessions").Scan(&last); err != nil {
			return false, err
		}
		s.mu.Lock()
		if s.open[m.name] == m {
			s.lasts[m.name] = last.Int64
		}
		s.mu.Unlock()
	}
	return f.month(ctx, tx, m.name)
}

// finding is one search.
type finding struct {
	q    *Query
	from cursor
	page Page

	first cursor // where it began
	at    cursor // how far it has come
}

// month takes what a month has, until the page is full.
func (f *finding) month(ctx context.Context, tx *sql.Tx, name string) (full bool, err error) {
	begin := cursor{name, [2]bound{{below: math.MaxInt64}, {below: math.MaxInt64}}}
	if f.from.month == name {
		begin = f.from
	}
	if f.at = begin; f.first.month == "" {
		f.first = begin
	}
	lowest, err := f.lowest(ctx, tx)
	if err != nil || lowest < 0 {
		return false, err
	}
	var scans []*scan
	defer func() {
		for _, s := range scans {
			f.at.kinds[s.kind] = s.at
			s.close()
		}
	}()
	for kind := range kinds {
		if f.q.In != "" && f.q.In != kinds[kind].name {
			continue
		}
		at := begin.kinds[kind]
		if f.q.Session != "" {
			at.below = min(at.below, lowest+blocks)
		}
		s, err := newScan(ctx, tx, kind, f.q, lowest, at)
		scans = append(scans, s)
		if err != nil {
			return false, err
		}
	}
	return f.sessions(ctx, tx, scans)
}

// lowest is the lowest number that may have a hit; -1 if none has.
func (f *finding) lowest(ctx context.Context, tx *sql.Tx) (int64, error) {
	var b sql.NullInt64
	var err error
	switch {
	case f.q.Session != "":
		err = tx.QueryRowContext(ctx, "SELECT max(base) FROM sessions WHERE id = ?", f.q.Session).Scan(&b)
	case !f.q.Since.IsZero():
		err = tx.QueryRowContext(ctx, "SELECT min(base) FROM sessions WHERE last >= ?", f.q.Since.UnixMicro()).Scan(&b)
	default:
		return 0, nil
	}
	if err == nil && !b.Valid {
		return -1, nil
	}
	return b.Int64, err
}

// sessions takes session after session.
func (f *finding) sessions(ctx context.Context, tx *sql.Tx, scans []*scan) (full bool, err error) {
	for {
		newest := int64(-1)
		for _, s := range scans {
			if !s.done() {
				newest = max(newest, base(s.number))
			}
		}
		if newest < 0 {
			return false, nil
		}
		if len(f.page.Sessions) == pageSessions {
			f.setNext(scans)
			return true, nil
		}
		if full, err := f.session(ctx, tx, scans, newest); full || err != nil {
			return full, err
		}
	}
}

// setNext sets the cursor of the page after this one.
func (f *finding) setNext(scans []*scan) {
	c := f.at
	for _, s := range scans {
		c.kinds[s.kind] = s.at
	}
	f.page.Next = c.String()
}

// session takes what one session has. It fills the page only where the query is for that session alone.
func (f *finding) session(ctx context.Context, tx *sql.Tx, scans []*scan, b int64) (full bool, err error) {
	found, err := load(ctx, tx, b)
	if err != nil {
		return false, err
	}
	defer func() { // also of a search that was stopped
		if len(found.Hits) > 0 {
			f.page.Sessions = append(f.page.Sessions, *found)
		}
	}()
	admitted := f.q.admits(found)
	for _, s := range scans {
		for admitted && !found.More && s.has(b) {
			if err := f.block(s, found); err != nil {
				return false, err
			}
			if found.More && f.q.Session != "" {
				f.setNext(scans)
				return true, nil
			}
			if !found.More {
				if err := s.over(); err != nil {
					return false, err
				}
			}
		}
		if err := s.leave(ctx, b); err != nil {
			return false, err
		}
	}
	return false, nil
}

// block takes the hits of the block at hand, until the session has enough of them: then it has More, and the scan stands before
// the first that was left out.
func (f *finding) block(s *scan, found *Session) error {
	most := sessionHits
	if f.q.Session != "" {
		most = pageHits
	}
	n, skip := 0, s.skip()
	return rowsOf(s.stored, func(r row) bool {
		if n++; n <= skip || !f.q.matches(r, found.Started) {
			return true
		}
		if len(found.Hits) == most {
			found.More = true
			s.passed(n - 1)
			return false
		}
		found.Hits = append(found.Hits, f.q.hit(r, kinds[s.kind].name))
		return true
	})
}

// load reads a session's row.
func load(ctx context.Context, tx *sql.Tx, b int64) (*Session, error) {
	var s Session
	var started int64
	err := tx.QueryRowContext(ctx, "SELECT id, identity, owner, task, target, login, verdict, started, cut FROM sessions WHERE base = ?", b).
		Scan(&s.ID, &s.Identity, &s.Owner, &s.Task, &s.Target, &s.Login, &s.Verdict, &started, &s.Cut)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: it is no session's", errBlock)
	}
	s.Started = time.UnixMicro(started).UTC()
	return &s, err
}

// stopped is what was found in the time that there was, with a cursor from there on.
func (f *finding) stopped() (Page, error) {
	if f.at == f.first && len(f.page.Sessions) == 0 {
		return Page{}, ErrTooWide
	}
	f.page.Stopped, f.page.Next = true, f.at.String()
	return f.page, nil
}
