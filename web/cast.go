package web

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/console"
	"gatehouse/recorder/index"
)

const (
	maxCasts     = 16       // indexes kept in memory
	maxCastBytes = 64 << 20 // of all of them together, but that the newest is always kept
	liveCast     = time.Minute
	maxIdle      = 60 // seconds
)

// castKey names a recording as it is shown.
type castKey struct {
	session  string
	unmasked bool
}

// casts keeps the indexes of the recordings that were played last, so that a seek costs one segment. One is made at a time where
// there is none yet: it is a pass over the whole recording, and reviewers must not take all of the machine.
type casts struct {
	making sync.Mutex

	mu   sync.Mutex
	kept map[castKey]keptCast
	used []castKey // the last one used most recently
}

// keptCast is an index in memory. That of a recording that is still being written is good for a minute.
type keptCast struct {
	*index.Index
	until time.Time // zero: for good
}

func newCasts() *casts { return &casts{kept: map[castKey]keptCast{}} }

// of returns the index of a recording.
func (c *casts) of(ctx context.Context, con *console.Console, rec *console.Playback) (*index.Index, error) {
	key := castKey{rec.Session.ID, rec.Unmasked}
	if x := c.get(key, rec.Session.Live()); x != nil {
		return x, nil
	}
	c.making.Lock()
	defer c.making.Unlock()
	if x := c.get(key, rec.Session.Live()); x != nil {
		return x, nil
	}
	x, err := con.Index(ctx, rec)
	if err != nil {
		return nil, err
	}
	if x.Segments() == 0 {
		return nil, fmt.Errorf("%s has no output: %w", rec.Session.ID, fs.ErrNotExist)
	}
	kept := keptCast{Index: x}
	if rec.Session.Live() {
		kept.until = time.Now().Add(liveCast)
	}
	c.keep(key, kept)
	return x, nil
}

// get returns what is kept. What was made while the session was live is not for good.
func (c *casts) get(key castKey, live bool) *index.Index {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.kept[key]
	if !ok || !kept.until.IsZero() && (!live || time.Now().After(kept.until)) {
		return nil
	}
	c.touch(key)
	return kept.Index
}

// keep keeps an index, and drops what was not used for longest until the rest is within bounds.
func (c *casts) keep(key castKey, x keptCast) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[key] = x
	c.touch(key)
	size := 0
	for _, kept := range c.kept {
		size += kept.Bytes()
	}
	for len(c.used) > 1 && (len(c.used) > maxCasts || size > maxCastBytes) {
		size -= c.kept[c.used[0]].Bytes()
		delete(c.kept, c.used[0])
		c.used = c.used[1:]
	}
}

// touch makes a key the last one used, with mu held.
func (c *casts) touch(key castKey) {
	for i, k := range c.used {
		if k == key {
			c.used = append(c.used[:i], c.used[i+1:]...)
			break
		}
	}
	c.used = append(c.used, key)
}

// idleOf reads the query's idle: whole seconds, 0 to keep all pauses.
func idleOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("idle")
	if text == "" {
		return 0, nil
	}
	idle, err := strconv.Atoi(text)
	if err != nil || idle < 0 || idle > maxIdle {
		return 0, errBadRequest
	}
	return idle, nil
}

// apiIndex answers with asciinema-player's index of a segmented recording, the map between played and real time, and activity.
func (s *Server) apiIndex(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	return s.withCast(r, who, func(_ *console.Playback, x *index.Index, idle int) error {
		url := func(n int) string { return fmt.Sprintf("seg/%d.json?idle=%d", n, idle) }
		writeJSON(w, http.StatusOK, x.Player(x.Times(time.Duration(idle)*time.Second), url))
		return nil
	})
}

func (s *Server) apiSegment(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, found := strings.CutSuffix(r.PathValue("n"), ".json")
	n, err := strconv.Atoi(name)
	if !found || err != nil {
		return errNoPage
	}
	return s.withCast(r, who, func(rec *console.Playback, x *index.Index, idle int) error {
		if n < 0 || n >= x.Segments() {
			return errNoPage
		}
		segment, err := x.Segment(rec.Recording, n, x.Times(time.Duration(idle)*time.Second))
		if err != nil {
			return fmt.Errorf("segment %d of %s: %w", n, rec.Session.ID, err)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(segment)
		return nil
	})
}

func (s *Server) withCast(r *http.Request, who console.Credential, do func(*console.Playback, *index.Index, int) error) error {
	idle, err := idleOf(r)
	if err != nil {
		return err
	}
	rec, err := s.cfg.Console.Play(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer rec.Close()
	x, err := s.casts.of(r.Context(), s.cfg.Console, rec)
	if err != nil {
		return err
	}
	return do(rec, x, idle)
}
