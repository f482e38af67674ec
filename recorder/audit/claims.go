package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"gatehouse/recorder"
)

// claims is what a bundle's entries say about its session. It holds a few words for each chunk.
type claims struct {
	session string
	request string // in its place
	asked   bool   // the request was made
	chunks  []claimedChunk
	end     int64 // bytes that the chunks cover, without a gap
	chunk   int   // the one that the last finding is about, or -1
	summary *recorder.Summary
	closeAt Entry // without data

	actor, target, login string
	outcome              string
	begun, ended         time.Time
	decided, allowed     bool
	promised             bool // session.end says that there is a recording
	done                 bool
	removed              string // hash of the recording that an entry says was removed
	first                *Bad
}

// claimedChunk is a chunk and the entry that committed it.
type claimedChunk struct {
	n              int
	seq            int64
	at             time.Time
	offset, length int64
	sum            [sha256.Size]byte
}

// entry takes what one entry says; it returns what is wrong with it.
func (c *claims) entry(e Entry) string {
	c.chunk = -1
	if c.request != "" && makesRequest(e, c.request) {
		c.asked, c.begun, c.actor = true, e.Time, e.Actor
	}
	if e.Session != c.session || c.session == "" {
		return ""
	}
	switch e.Type {
	case Decision:
		c.decision(e)
	case Forward:
		if e.Outcome != "close" {
			c.decision(e)
		}
	case SessionEnd:
		c.done, c.ended, c.outcome = true, e.Time, e.Outcome
		var d struct {
			Recording *recorder.Summary `json:"recording"`
		}
		if json.Unmarshal(e.Data, &d) == nil && d.Recording != nil {
			c.promised = true
		}
	case RecChunk:
		return c.recChunk(e)
	case RecClose:
		return c.recClose(e)
	case RecDelete:
		var d Disposed
		if e.Outcome == "ok" && json.Unmarshal(e.Data, &d) == nil {
			c.removed = d.SHA256
		}
	}
	return ""
}

func (c *claims) decision(e Entry) {
	if !c.decided {
		c.begun = e.Time
	}
	c.decided, c.allowed = true, c.allowed || e.Outcome != "deny"
	c.actor, c.target, c.login = e.Actor, e.Target, e.Login
}

func (c *claims) recChunk(e Entry) string {
	var in recorder.Chunk
	sum, err := []byte(nil), json.Unmarshal(e.Data, &in)
	if err == nil {
		sum, err = hex.DecodeString(in.SHA256)
	}
	if err != nil || len(sum) != sha256.Size || in.Session != e.Session {
		return "its data is not a chunk of this session"
	}
	c.chunk = in.N
	if in.Offset < 0 || in.Length < 0 || in.Offset > c.end || in.Offset+in.Length < in.Offset {
		return fmt.Sprintf("chunk %d begins at byte %d, but the chunks before it cover %d: one is missing", in.N, in.Offset, c.end)
	}
	c.end = max(c.end, in.Offset+in.Length)
	c.chunks = append(c.chunks, claimedChunk{in.N, e.Seq, e.Time, in.Offset, in.Length, [sha256.Size]byte(sum)})
	return ""
}

func (c *claims) recClose(e Entry) string {
	var sum recorder.Summary
	if json.Unmarshal(e.Data, &sum) != nil || sum.Session != e.Session {
		return "its data is not a summary of this session's recording"
	}
	if sum.Size != c.end {
		return fmt.Sprintf("it closes a recording of %d bytes, but the chunks cover %d", sum.Size, c.end)
	}
	if c.summary != nil && (c.summary.SHA256 != sum.SHA256 || c.summary.Size != sum.Size) {
		return "it closes the recording a second time, and otherwise"
	}
	c.summary = &sum
	e.Data = nil
	c.closeAt = e
	return ""
}

// wrong keeps the first finding.
func (c *claims) wrong(b *Bad) {
	if c.first == nil {
		c.first = b
	}
}

// finding is the first thing that does not fit, or what is missing for a whole session.
func (c *claims) finding() error {
	switch {
	case c.first != nil:
		return c.first
	case c.request != "" && c.asked:
		return nil
	case c.request != "":
		return wrong("no entry in it makes the request %q", c.request)
	case !c.decided:
		return wrong("no entry in it decides session %q", c.session)
	case c.allowed && !c.done:
		return wrong("the end of session %q is not in it", c.session)
	case c.summary == nil && (len(c.chunks) > 0 || c.promised):
		return wrong("the entry that closes the recording of session %q is not in it", c.session)
	}
	return nil
}

// tell fills in the report.
func (c *claims) tell(r *BundleReport) {
	r.Actor, r.Target, r.Login, r.Begun, r.Ended, r.Outcome = c.actor, c.target, c.login, c.begun, c.ended, c.outcome
	if !c.allowed && c.request == "" {
		r.Outcome, r.Ended = "denied", c.begun
	}
}

// about is a finding about the closed recording.
func (c *claims) about(format string, args ...any) error {
	return &Bad{Entry: c.closeAt.Seq, Last: c.closeAt.Seq, Time: c.closeAt.Time, Session: c.session, Chunk: -1, What: fmt.Sprintf(format, args...)}
}

// openClaim is a chunk whose bytes are being read.
type openClaim struct {
	claimedChunk
	hash hash.Hash
}

// compare reads the recording once and compares all chunks and the whole. After a crash one chunk may begin within another.
func (c *claims) compare(ctx context.Context, r io.Reader) error {
	whole, buf := sha256.New(), make([]byte, 256<<10)
	var open []openClaim
	rest := slices.Clone(c.chunks)
	slices.SortStableFunc(rest, func(a, b claimedChunk) int { return cmp.Compare(a.offset, b.offset) })
	for pos := int64(0); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for len(rest) > 0 && rest[0].offset <= pos {
			open, rest = append(open, openClaim{rest[0], sha256.New()}), rest[1:]
		}
		var err error
		if open, err = c.settle(open, pos); err != nil {
			return err
		}
		if len(open) > maxOverlap {
			return c.about("more than %d chunks cover the same bytes", maxOverlap)
		}
		if pos == c.summary.Size {
			break
		}
		n := c.step(pos, open, rest, int64(len(buf)))
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return c.about("the recording cannot be read at byte %d: %v", pos, err)
		}
		whole.Write(buf[:n])
		for _, o := range open {
			o.hash.Write(buf[:n])
		}
		pos += n
	}
	if hex.EncodeToString(whole.Sum(nil)) != c.summary.SHA256 || len(rest)+len(open) > 0 {
		return c.about("the closed recording is not what was committed")
	}
	return nil
}

// settle compares the chunks that end at pos, and keeps the others.
func (c *claims) settle(open []openClaim, pos int64) ([]openClaim, error) {
	left := open[:0]
	for _, o := range open {
		if o.offset+o.length > pos {
			left = append(left, o)
			continue
		}
		if [sha256.Size]byte(o.hash.Sum(nil)) != o.sum {
			return nil, &Bad{Entry: o.seq, Last: o.seq, Time: o.at, Session: c.session, Chunk: o.n,
				What: fmt.Sprintf("chunk %d of the recording (bytes %d to %d) is not what was committed", o.n, o.offset, o.offset+o.length)}
		}
	}
	return left, nil
}

// step is how far can be read until a chunk begins or ends.
func (c *claims) step(pos int64, open []openClaim, rest []claimedChunk, most int64) int64 {
	n := min(most, c.summary.Size-pos)
	for _, o := range open {
		n = min(n, o.offset+o.length-pos)
	}
	if len(rest) > 0 {
		n = min(n, rest[0].offset-pos)
	}
	return max(n, 0)
}
