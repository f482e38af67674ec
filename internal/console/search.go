package console

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/recorder/search"
)

// Searcher is the search over recordings as the console sees it: a *search.Store.
type Searcher interface {
	// Search returns a page of what q finds; from is the cursor of a page before, or empty. Safe for concurrent use.
	Search(ctx context.Context, q *search.Query, from string) (search.Page, error)
}

var _ Searcher = (*search.Store)(nil)

// Found is a page of what a search found: sessions newest first, in each the commands and then the output.
type Found struct {
	By       Actor          `json:"-"`
	Query    string         `json:"query"`
	Sessions []FoundSession `json:"sessions"`
	Next     string         `json:"next,omitempty"`    // the cursor of the page after this one, empty at the end
	Stopped  bool           `json:"stopped,omitempty"` // the search took too long: Next goes on where it was
}

// FoundSession is a session with hits.
type FoundSession struct {
	ID       string     `json:"id"`
	Identity string     `json:"identity"`
	Owner    string     `json:"owner,omitempty"`
	Task     string     `json:"task,omitempty"`
	Target   string     `json:"target"`
	Login    string     `json:"login"`
	Verdict  string     `json:"verdict,omitempty"`
	Started  time.Time  `json:"started"`
	Hits     []FoundHit `json:"hits"`
	More     bool       `json:"more,omitempty"` // it has more hits: add session:ID to the query
	Cut      bool       `json:"cut,omitempty"`  // only the recording's beginning is searched
}

// FoundHit is a command or a line of output.
type FoundHit struct {
	Kind    string    `json:"kind"`    // "command" or "output"
	Command int       `json:"command"` // number of the command that it belongs to, from 1
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"` // since the recording's start
	Text    string    `json:"text"`
	Marks   [][2]int  `json:"marks"` // the characters of Text that match: from, and to which
	Link    string    `json:"link"`  // where the browser shows the moment, under the pages' address

	bytes [][2]int // Marks in bytes
}

// At is when it was, since the recording's start.
func (h FoundHit) At() time.Duration { return time.Duration(h.Seconds * float64(time.Second)) }

// Piece is a part of a line that matches, or does not.
type Piece struct {
	Text  string
	Match bool
}

// Pieces is the line in pieces.
func (h FoundHit) Pieces() []Piece {
	var out []Piece
	last := 0
	for _, m := range h.bytes {
		if m[0] > last {
			out = append(out, Piece{h.Text[last:m[0]], false})
		}
		out = append(out, Piece{h.Text[m[0]:m[1]], true})
		last = m[1]
	}
	if last < len(h.Text) {
		out = append(out, Piece{h.Text[last:], false})
	}
	return out
}

// Search finds commands and lines of output. The audit entry has the query as it was written, cut to a bound. With an error that
// comes after the authorisation, the answer says who asked.
func (c *Console) Search(ctx context.Context, who Credential, text, from string) (Found, error) {
	by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsSearch, audited(text), "")
	if err != nil {
		return Found{}, err
	}
	out := Found{By: by, Query: text, Sessions: []FoundSession{}}
	if c.cfg.Search == nil {
		return out, search.ErrOff
	}
	q, err := search.ParseQuery(text, c.cfg.Now())
	if err != nil {
		return out, err
	}
	if err := c.searchedSession(ctx, q); err != nil {
		return out, err
	}
	page, err := c.cfg.Search.Search(ctx, q, from)
	if err != nil {
		return out, err
	}
	out.Next, out.Stopped = page.Next, page.Stopped
	for _, s := range page.Sessions {
		out.Sessions = append(out.Sessions, c.viewFound(s))
	}
	return out, nil
}

// audited is a query as the audit entry has it.
func audited(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= search.MaxQuery {
		return text
	}
	end := search.MaxQuery
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// searchedSession makes a whole id of the beginning of one.
func (c *Console) searchedSession(ctx context.Context, q *search.Query) error {
	if q.Session == "" {
		return nil
	}
	id, ok := normalID(q.Session)
	if !ok {
		return &search.QueryError{Text: fmt.Sprintf("names no session by session:%s", id)}
	}
	found, err := c.cfg.Sessions.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("session %q: %w", id, err)
	}
	q.Session = found.ID
	return nil
}

// viewFound is what is shown of a session with hits. Its lines were masked when they were kept; what has become known as a secret
// since then is masked here.
func (c *Console) viewFound(s search.Session) FoundSession {
	shown := c.cfg.Secrets.MaskText
	v := FoundSession{ID: s.ID, Identity: s.Identity, Owner: s.Owner, Task: shown(s.Task), Target: s.Target, Login: s.Login, Verdict: s.Verdict,
		Started: s.Started, More: s.More, Cut: s.Cut}
	for _, h := range s.Hits {
		h.Text = shown(h.Text) // as long as before: the marks stay where they are
		hit := FoundHit{Kind: "output", Command: h.Command, Time: s.Time(h), Seconds: h.At.Seconds(), Text: h.Text, Marks: [][2]int{}, Link: momentLink(s.ID, h.At), bytes: h.Marks}
		if h.Kind == search.Commands {
			hit.Kind = "command"
		}
		for _, m := range h.Marks {
			hit.Marks = append(hit.Marks, [2]int{utf8.RuneCountInString(h.Text[:m[0]]), utf8.RuneCountInString(h.Text[:m[1]])})
		}
		v.Hits = append(v.Hits, hit)
	}
	return v
}

// momentLink is where the browser shows a moment: not before it.
func momentLink(session string, at time.Duration) string {
	return "/sessions/" + session + "?t=" + strconv.FormatFloat(math.Ceil(at.Seconds()*1000)/1000, 'f', -1, 64)
}

// searchFault says whether an error is the query's.
func searchFault(err error) bool {
	var query *search.QueryError
	return errors.As(err, &query) || errors.Is(err, search.ErrCursor) || errors.Is(err, search.ErrTooWide)
}
