package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/recorder/index"
)

// ErrOff is returned by everything in a build without FTS5.
var ErrOff = errors.New("search is off in this build: build with the tag sqlite_fts5, as make does")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("search is closed")

const (
	maxOpen     = 8 // months that are open at once
	maxSearches = 3 // that run at once; more wait
)

// Config says where the databases are.
type Config struct {
	// Dir is their folder; made with mode 0700 where there is none.
	Dir string
	// Lost is called when a month's database was moved aside, so that its recordings are indexed again; nil if nobody wants to
	// know. It must not wait, nor call the Store.
	Lost func(month string)
	// Longest is how long a search may take; 0 means 2 s.
	Longest time.Duration
	// Log gets what an operator should know; nil discards it.
	Log hclog.Logger
}

// Store is the search. All methods may be called concurrently.
type Store struct {
	cfg    Config
	slots  chan struct{} // one for each search that runs
	writes chan struct{} // holds one: nobody writes

	maxRows, maxText int // of one session

	mu     sync.Mutex
	freed  *sync.Cond // a month was released or closed
	open   map[string]*month
	lasts  map[string]int64 // of a month, the newest row's time in µs, where it is known
	closed bool
}

var _ index.Sink = (*Store)(nil)

// New returns the search over a folder.
func New(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("search: Dir is empty")
	}
	if cfg.Longest == 0 {
		cfg.Longest = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if Built {
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make search folder: %w", err)
		}
	}
	s := &Store{cfg: cfg, slots: make(chan struct{}, maxSearches), writes: make(chan struct{}, 1), maxRows: maxRows, maxText: maxText, open: map[string]*month{}, lasts: map[string]int64{}}
	s.freed = sync.NewCond(&s.mu)
	return s, nil
}

const suffix = ".db"

func (s *Store) path(name string) string { return filepath.Join(s.cfg.Dir, name+suffix) }

// months lists the months that there are, the newest first.
func (s *Store) months() ([]string, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("list search: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if _, bad := time.Parse(monthLayout, name); ok && bad == nil && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// take opens a month, or shares it with whoever has it open. Whoever takes it gives it back. A database that is broken is moved
// aside: then it is as if there had been none.
func (s *Store) take(ctx context.Context, name string, create bool) (*month, error) {
	if !Built {
		return nil, ErrOff
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		m := s.open[name]
		switch {
		case s.closed:
			return nil, ErrClosed
		case m != nil && m.gone:
			s.freed.Wait()
			continue
		case m == nil:
			s.makeRoom()
			var err error
			if m, err = s.openOrReplace(ctx, name, create); err != nil {
				return nil, err
			}
			s.open[name] = m
		}
		m.refs++
		m.used = time.Now()
		return m, nil
	}
}

// openOrReplace opens a month with mu held.
func (s *Store) openOrReplace(ctx context.Context, name string, create bool) (*month, error) {
	m, err := openMonth(ctx, s.path(name), name, create)
	if !broken(err) {
		return m, err
	}
	if err := s.aside(name, err); err != nil {
		return nil, err
	}
	return openMonth(ctx, s.path(name), name, create)
}

// makeRoom closes the month that was not used for longest, if that is needed, with mu held.
func (s *Store) makeRoom() {
	if len(s.open) < maxOpen {
		return
	}
	var oldest *month
	for _, m := range s.open {
		if m.refs == 0 && (oldest == nil || m.used.Before(oldest.used)) {
			oldest = m
		}
	}
	if oldest != nil { // else more are in use than that, for as long as those searches last
		delete(s.open, oldest.name)
		s.closeMonth(oldest)
	}
}

func (s *Store) closeMonth(m *month) {
	if err := m.close(); err != nil {
		s.cfg.Log.Warn("close search database", "month", m.name, "error", err)
	}
}

// give gives a month back.
func (s *Store) give(m *month) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.refs--
	s.freed.Broadcast()
}

// retire closes a month for good once nobody uses it, and then does something with its files. It does nothing if m is not the
// one that is open under its name. The caller does not hold it.
func (s *Store) retire(m *month, then func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[m.name] != m || m.gone {
		return nil
	}
	m.gone = true
	for m.refs > 0 {
		s.freed.Wait()
	}
	s.closeMonth(m) // before the files go: SQLite cleans up by name when it closes
	defer s.freed.Broadcast()
	delete(s.open, m.name)
	delete(s.lasts, m.name)
	return then()
}

// lose moves a month aside that turned out to be broken. The caller has given it back.
func (s *Store) lose(m *month, why error) error {
	return s.retire(m, func() error { return s.aside(m.name, why) })
}

// aside moves a month's files away, over what was moved before.
func (s *Store) aside(name string, why error) error {
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(s.path(name) + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("move search database aside: %w", err)
		}
	}
	if err := os.Rename(s.path(name), s.path(name)+".aside"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("move search database aside: %w", err)
	}
	s.cfg.Log.Error("a search database cannot be read; it was moved aside and is made again", "month", name, "error", why)
	if s.cfg.Lost != nil {
		s.cfg.Lost(name)
	}
	return nil
}

// Close waits for what is under way and closes the databases.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var err error
	for name, m := range s.open {
		for m.refs > 0 {
			s.freed.Wait()
		}
		if !m.gone {
			err = errors.Join(err, m.close())
		}
		delete(s.open, name)
	}
	return err
}
