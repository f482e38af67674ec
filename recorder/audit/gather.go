package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The bounds of what is gathered beside a session's own entries.
const (
	maxOfIdentity = 64  // enrolments, issued certificates and revocations of the identity, the newest
	maxOfKeys     = 256 // entries about the CAs' keys, the newest
)

// ErrNoSession is returned for a session that the log knows nothing of.
var ErrNoSession = errors.New("the log has no such session or request")

// ErrLive is returned for a session that has not ended.
var ErrLive = errors.New("the session has not ended: prove it when it has")

// found is an entry that belongs into a bundle.
type found struct {
	seq  int64
	line []byte
}

// gathered is what a log says about one session.
type gathered struct {
	all    map[int64][]byte
	bytes  int
	conns  map[string]bool
	policy map[string]bool // hashes in force for it, and for what was approved
	serial map[string]bool // of the certificate that opened the door
	actor  string
	begun  int64 // its first entry
	ended  bool
	closed bool // it has a recording that is closed
	refuse bool // nothing but refusals
	gone   bool // its recording was removed, by an entry
	access approvals
}

// gather collects, in a few passes over the first size entries: what names the session, or the request; what is about its connections,
// and what these were opened with; what people approved and what ties their keys to them; and what vouches for all of it.
func gather(ctx context.Context, dir string, size int64, session string) (*gathered, error) {
	g := &gathered{all: map[int64][]byte{}, conns: map[string]bool{}, policy: map[string]bool{}, serial: map[string]bool{}, begun: -1, refuse: true, access: newApprovals()}
	begin := g.ofSession
	if isRequest(session) {
		begin = g.ofRequest
	}
	if err := begin(ctx, dir, size, session); err != nil {
		return nil, err
	}
	if g.begun < 0 {
		return nil, fmt.Errorf("%w: %s: give its whole id, as sessions show or requests show prints it", ErrNoSession, session)
	}
	if !g.ended && !g.refuse {
		return nil, ErrLive
	}
	for _, step := range []func(context.Context, string, int64) error{g.ofConnections, g.ofApprovals, g.vouching} {
		if err := step(ctx, dir, size); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// each calls f with the entries whose bytes contain one of the marks.
func (g *gathered) each(ctx context.Context, dir string, size int64, marks [][]byte, f func(Entry, []byte) error) error {
	return eachLeaf(ctx, dir, size, func(leaf []byte) error {
		line := leaf[1:]
		if !slices.ContainsFunc(marks, func(m []byte) bool { return bytes.Contains(line, m) }) {
			return nil
		}
		e, err := Parse(line)
		if err != nil {
			return err
		}
		return f(e, line)
	})
}

// take keeps an entry.
func (g *gathered) take(e Entry, line []byte) error {
	if _, ok := g.all[e.Seq]; ok {
		return nil
	}
	if g.bytes += len(line); g.bytes > maxBundleBytes || len(g.all) >= maxBundleEntries {
		return fmt.Errorf("%w: a bundle has at most %d entries of %d MiB together", ErrTooLarge, maxBundleEntries, maxBundleBytes>>20)
	}
	g.all[e.Seq] = bytes.Clone(line)
	return nil
}

func (g *gathered) ofSession(ctx context.Context, dir string, size int64, session string) error {
	return g.each(ctx, dir, size, [][]byte{[]byte(session)}, func(e Entry, line []byte) error {
		switch {
		case e.Session == session:
		case e.Object == session && (e.Type == Kill || e.Type == Read || e.Type == Revoke):
			return g.take(e, line)
		default:
			return nil
		}
		if g.begun < 0 {
			g.begun = e.Seq
		}
		if e.Type == Decision || e.Type == Forward && e.Outcome != "close" {
			g.actor = e.Actor
			g.refuse = g.refuse && e.Outcome == "deny"
			g.access.ranBy(e)
		}
		g.ended = g.ended || e.Type == SessionEnd
		g.closed = g.closed || e.Type == RecClose
		g.gone = g.gone || e.Type == RecDelete && e.Outcome == "ok"
		keep(g.conns, e.Conn)
		keep(g.policy, e.Policy)
		return g.take(e, line)
	})
}

// keep keeps a word that is not empty.
func keep(set map[string]bool, word string) {
	if word != "" {
		set[word] = true
	}
}

func quoted(words map[string]bool) (out [][]byte) {
	for w := range words {
		b, _ := json.Marshal(w) // a string always can be
		out = append(out, b)
	}
	return out
}

// ofConnections takes what is about the session's connection, not about another session on it, and does so again for the
// connection around a jump.
func (g *gathered) ofConnections(ctx context.Context, dir string, size int64) error {
	for range 2 {
		before := len(g.conns)
		err := g.each(ctx, dir, size, quoted(g.conns), func(e Entry, line []byte) error {
			if !g.conns[e.Conn] || e.Session != "" || e.Type == Read {
				return nil
			}
			if e.Type == ConnOpen {
				var d struct {
					Outer string `json:"outer"`
				}
				if json.Unmarshal(e.Data, &d) == nil {
					keep(g.conns, d.Outer)
				}
				keep(g.serial, e.Serial)
				keep(g.policy, e.Policy)
				if g.actor == "" {
					g.actor = e.Actor
				}
			}
			return g.take(e, line)
		})
		if err != nil || len(g.conns) == before {
			return err
		}
	}
	return nil
}

// vouching takes what stands behind the session's own entries: the log's first one, the policy in force, the identity's
// certificate and where it comes from, and the CAs' keys.
func (g *gathered) vouching(ctx context.Context, dir string, size int64) error {
	policies := map[string]found{}
	var ofIdentity, ofKeys []found
	marks := [][]byte{[]byte(`"type":"policy.load"`), []byte(`"type":"ca.rotate"`), []byte(`"type":"keys"`), []byte(`"type":"log.start"`),
		[]byte(`"type":"issue"`), []byte(`"type":"enrol"`), []byte(`"type":"revoke"`)}
	err := g.each(ctx, dir, size, marks, func(e Entry, line []byte) error {
		switch e.Type {
		case LogStart:
			return g.take(e, line)
		case PolicyLoad:
			if g.policy[e.Policy] && (e.Seq < g.begun || policies[e.Policy].line == nil) {
				policies[e.Policy] = found{e.Seq, bytes.Clone(line)}
			}
		case Rotate, KeysUsed:
			ofKeys = newest(ofKeys, e.Seq, line, maxOfKeys)
		case Issue, Enrol, Revoke:
			if g.serial[e.Serial] {
				return g.take(e, line)
			}
			if g.actor != "" && (e.Object == g.actor || e.Actor == g.actor) {
				ofIdentity = newest(ofIdentity, e.Seq, line, maxOfIdentity)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range policies {
		ofKeys = append(ofKeys, p)
	}
	for _, f := range append(ofKeys, ofIdentity...) {
		if err := g.take(Entry{Seq: f.seq}, f.line); err != nil {
			return err
		}
	}
	return nil
}

// newest appends and keeps the last n.
func newest(list []found, seq int64, line []byte, n int) []found {
	if len(list) == n {
		list = list[1:]
	}
	return append(list, found{seq, bytes.Clone(line)})
}

// sorted returns the entries in the log's order.
func (g *gathered) sorted() []found {
	out := make([]found, 0, len(g.all))
	for seq, line := range g.all {
		out = append(out, found{seq, line})
	}
	slices.SortFunc(out, func(a, b found) int { return cmp.Compare(a.seq, b.seq) })
	return out
}
