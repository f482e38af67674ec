package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/console"
	"gatehouse/recorder/asciicast"
)

const (
	maxCasts    = 8    // recordings kept prepared for seeking
	maxSegments = 2000 // of all of them together, but that the newest is always kept
	maxPairs    = 2000 // of a time map
	maxIdle     = 60   // seconds
	exactness   = time.Millisecond
)

// castKey names a recording as it is played.
type castKey struct {
	session string
	idle    int // seconds
}

// casts keeps the recordings that were played last prepared, so that a seek costs one segment. One is prepared at a time: it
// is a pass over the whole recording, and reviewers must not take all of the machine.
type casts struct {
	mu   sync.Mutex
	kept map[castKey]*asciicast.Cast
	used []castKey // the last one used most recently
}

func newCasts() *casts { return &casts{kept: map[castKey]*asciicast.Cast{}} }

// of returns the prepared recording. One that is still being written is prepared anew each time.
func (c *casts) of(rec *console.Playback, idle int) (*asciicast.Cast, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := castKey{rec.Session.ID, idle}
	if cast := c.kept[key]; cast != nil {
		c.touch(key)
		return cast, nil
	}
	cast, err := asciicast.Prepare(rec.Recording, asciicast.Options{Idle: time.Duration(idle) * time.Second})
	if err != nil {
		return nil, fmt.Errorf("prepare %s for replay: %w", rec.Session.ID, err)
	}
	if cast.Segments() == 0 {
		return nil, fmt.Errorf("%s has no output: %w", rec.Session.ID, fs.ErrNotExist)
	}
	if !rec.Session.Live() {
		c.kept[key] = cast
		c.touch(key)
		c.forget()
	}
	return cast, nil
}

func (c *casts) touch(key castKey) {
	for i, k := range c.used {
		if k == key {
			c.used = append(c.used[:i], c.used[i+1:]...)
			break
		}
	}
	c.used = append(c.used, key)
}

// forget drops what was not used for longest until the rest is within bounds.
func (c *casts) forget() {
	segments := 0
	for _, cast := range c.kept {
		segments += cast.Segments()
	}
	for len(c.used) > 1 && (len(c.used) > maxCasts || segments > maxSegments) {
		segments -= c.kept[c.used[0]].Segments()
		delete(c.kept, c.used[0])
		c.used = c.used[1:]
	}
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

// playerIndex is asciinema-player's index of a segmented recording, and what our own script needs beside it.
type playerIndex struct {
	Version  int             `json:"version"`
	Duration json.Number     `json:"duration"`
	Term     json.RawMessage `json:"term"`
	Segments []struct {
		Start json.Number `json:"start"`
		URL   string      `json:"url"`
	} `json:"segments"`
	Markers json.RawMessage `json:"markers"`
	Times   [][2]float64    `json:"times"` // pairs of real and played seconds
}

// apiIndex answers with asciinema-player's index of a segmented recording, and the map between played and real time.
func (s *Server) apiIndex(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	return s.withCast(r, who, func(rec *console.Playback, cast *asciicast.Cast, idle int) error {
		raw, err := cast.Index(func(n int) string { return fmt.Sprintf("seg/%d.json?idle=%d", n, idle) })
		if err != nil {
			return fmt.Errorf("index of %s: %w", rec.Session.ID, err)
		}
		var index playerIndex
		if err := json.Unmarshal(raw, &index); err != nil || len(index.Segments) == 0 {
			return fmt.Errorf("index of %s: %w", rec.Session.ID, errors.Join(err, errors.New("no segments")))
		}
		index.Segments[0].Start = "0" // the player wants it so; the first segment's first event may come later
		index.Times = timeMap(cast)
		writeJSON(w, http.StatusOK, index)
		return nil
	})
}

func (s *Server) apiSegment(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, found := strings.CutSuffix(r.PathValue("n"), ".json")
	n, err := strconv.Atoi(name)
	if !found || err != nil {
		return errNoPage
	}
	return s.withCast(r, who, func(rec *console.Playback, cast *asciicast.Cast, _ int) error {
		if n < 0 || n >= cast.Segments() {
			return errNoPage
		}
		segment, err := cast.Segment(rec.Recording, n)
		if err != nil {
			return fmt.Errorf("segment %d of %s: %w", n, rec.Session.ID, err)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(segment)
		return nil
	})
}

func (s *Server) withCast(r *http.Request, who console.Credential, do func(*console.Playback, *asciicast.Cast, int) error) error {
	idle, err := idleOf(r)
	if err != nil {
		return err
	}
	rec, err := s.cfg.Console.Play(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer rec.Close()
	cast, err := s.casts.of(rec, idle)
	if err != nil {
		return err
	}
	return do(rec, cast, idle)
}

// timeMap returns pairs of real and played seconds between which time runs evenly, exact to a millisecond.
func timeMap(cast *asciicast.Cast) [][2]float64 {
	pair := func(played time.Duration) [2]float64 {
		return [2]float64{cast.Real(played).Seconds(), played.Seconds()}
	}
	pairs := [][2]float64{pair(0)}
	var split func(from, to time.Duration)
	split = func(from, to time.Duration) {
		even := cast.Real(to)-cast.Real(from) == to-from
		if even || to-from <= exactness || len(pairs) >= maxPairs {
			pairs = append(pairs, pair(to))
			return
		}
		middle := from + (to-from)/2
		split(from, middle)
		split(middle, to)
	}
	split(0, cast.Duration())
	return pairs
}
