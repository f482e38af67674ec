package search

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Page is a part of what was found: sessions newest first, in each the commands and then the output, as time went.
type Page struct {
	Sessions []Session
	Next     string // the cursor of the page after this one, empty at the end
	Stopped  bool   // the time for a search was over: the page is shorter than there is
}

// Session is one session with hits.
type Session struct {
	ID, Identity, Owner, Task, Target, Login, Verdict string

	Started time.Time
	Hits    []Hit
	More    bool // it has more hits; a query for session:ID has them all
	Cut     bool // the recording is longer than what can be found of it
}

// Hit is a row that was found.
type Hit struct {
	At      time.Duration // since the recording's start
	Command int           // number of the command, from 1; 0 before the first
	Kind    string        // Commands or Output
	Text    string        // the row, cut around the first match if it is long
	Marks   [][2]int      // bytes of Text that match, from and to, in order
}

// Time is when it was.
func (s Session) Time(h Hit) time.Time { return s.Started.Add(h.At) }

// The bounds of a page.
const (
	pageSessions = 20
	sessionHits  = 5
	pageHits     = 200 // of one session, when the query is for that alone
	maxMarks     = 64
	maxHitText   = 400 // bytes
	beforeMark   = 120 // bytes before the first match, in a row that is cut
)

// bound is a place in one kind of a month's blocks: what comes after it has lower numbers than below, and is not among the first
// skip rows of the block right below.
type bound struct {
	below int64
	skip  int
}

// cursor is where a page begins.
type cursor struct {
	month string
	kinds [2]bound
}

// ErrCursor is returned for a cursor that no page has given.
var ErrCursor = errors.New("this is no cursor of a search")

func (c cursor) String() string {
	out := c.month
	for _, k := range c.kinds {
		out += "." + strconv.FormatInt(k.below, 36) + "." + strconv.Itoa(k.skip)
	}
	return out
}

func parseCursor(text string) (cursor, error) {
	fields := strings.Split(text, ".")
	if len(text) > 64 || len(fields) != 5 {
		return cursor{}, ErrCursor
	}
	c := cursor{month: fields[0]}
	if _, err := time.Parse(monthLayout, c.month); err != nil {
		return cursor{}, ErrCursor
	}
	for i := range c.kinds {
		below, err := strconv.ParseInt(fields[1+2*i], 36, 64)
		skip, err2 := strconv.ParseUint(fields[2+2*i], 10, 24)
		if err != nil || err2 != nil || below < 0 {
			return cursor{}, fmt.Errorf("%w: %.40q", ErrCursor, text)
		}
		c.kinds[i] = bound{below, int(skip)}
	}
	return c, nil
}
