package bastion

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// holdTime is how long its input may take: less than any certificate that was issued for it is valid.
var holdTime = 25 * time.Second

// maxHashed is how much input is held back until its hash is known.
const maxHashed = 1 << 20

// obligations watches what a decision obliges to while its session runs.
type obligations struct {
	policy.Obligations
	session *session
	out, in atomic.Int64 // bytes so far
	timers  []*time.Timer
	idle    *time.Timer
	over    atomic.Bool // the client's input may still come, and is nobody's business any more
}

// oblige begins to watch. What is exceeded ends the session, which hears why.
func (s *session) oblige(o policy.Obligations) *obligations {
	w := &obligations{Obligations: o, session: s}
	if o.MaxSeconds > 0 {
		w.after(time.Duration(o.MaxSeconds)*time.Second, fmt.Sprintf("the policy gives it %s", time.Duration(o.MaxSeconds)*time.Second))
	}
	if o.Idle > 0 {
		w.idle = w.afterIdle(time.Duration(o.Idle)*time.Second, fmt.Sprintf("nothing was sent or received for %s, which is as long as the policy lets it be idle", time.Duration(o.Idle)*time.Second))
	}
	return w
}

func (w *obligations) after(d time.Duration, reason string) *time.Timer {
	t := time.AfterFunc(d, func() {
		defer w.session.conn.isolate("an obligation")
		w.end(reason)
	})
	w.timers = append(w.timers, t)
	return t
}

// afterIdle is after for what a pause stops: a session that may not pass a byte is not idle.
func (w *obligations) afterIdle(d time.Duration, reason string) *time.Timer {
	var over func()
	over = func() {
		defer w.session.conn.isolate("an obligation")
		if w.session.gate.isShut() && !w.over.Load() {
			time.AfterFunc(d, over)
			return
		}
		w.end(reason)
	}
	t := time.AfterFunc(d, over)
	w.timers = append(w.timers, t)
	return t
}

// end returns when the session has ended, so that whoever goes on sees why.
func (w *obligations) end(reason string) {
	if w.over.Load() {
		return
	}
	w.session.tell(&ended{state: store.Killed, by: "policy", reason: reason})
}

func (w *obligations) stop() {
	w.over.Store(true)
	for _, t := range w.timers {
		t.Stop()
	}
}

// sent and received count what passes; they are called before it does. false: it must not.
func (w *obligations) sent(n int) bool {
	return w.count(&w.out, n, w.BytesOut, "the policy lets it send %d bytes")
}

func (w *obligations) received(n int) bool {
	return w.count(&w.in, n, w.StdinMax, "the policy lets it read %d bytes of input")
}

func (w *obligations) count(so *atomic.Int64, n int, most int64, reason string) bool {
	if w.idle != nil && !w.over.Load() {
		w.idle.Reset(time.Duration(w.Idle) * time.Second)
	}
	if most == 0 || so.Add(int64(n)) <= most {
		return true
	}
	w.end(fmt.Sprintf(reason, most))
	return false
}

// holdInput reads the client's whole input and reports whether it is one of those that the rule has the hashes of. What was read
// replaces the input.
func (s *session) holdInput(class policy.StdinClass) (held []byte, why string) {
	sums, _ := strings.CutPrefix(string(class), "sha256:")
	var all []byte
	var err error
	read := make(chan struct{})
	s.input.Go(func() {
		defer close(read)
		defer s.conn.isolate("a session's input")
		all, err = io.ReadAll(io.LimitReader(s.source(), maxHashed+1))
	})
	late := time.NewTimer(holdTime)
	defer late.Stop()
	select {
	case <-read:
	case <-s.ctx.Done():
		return nil, "the session ended before its input did"
	case <-late.C:
		return nil, fmt.Sprintf("the rule wants a certain input, and this one did not end within %s", holdTime)
	}
	switch {
	case err != nil:
		return nil, "the input could not be read to its end"
	case len(all) > maxHashed:
		return nil, fmt.Sprintf("the rule wants a certain input, and this one is longer than %d bytes", maxHashed)
	}
	sum := sha256.Sum256(all)
	if !slices.Contains(strings.Split(sums, ","), hex.EncodeToString(sum[:])) {
		return nil, fmt.Sprintf("the input is not one that the rule has the hash of: it is sha256:%x", sum)
	}
	return all, ""
}

// hashed reports whether a class wants a certain input.
func hashed(class policy.StdinClass) bool { return strings.HasPrefix(string(class), "sha256:") }

// inputOf is what the command reads of the client: what was held back, or the channel.
func (s *session) inputOf() io.Reader {
	if s.held != nil {
		return bytes.NewReader(s.held)
	}
	return s.source()
}

// source is the client's input; of a terminal that has waited for people, with what was typed meanwhile; of a command of a governed shell,
// what the shell has left.
func (s *session) source() io.Reader {
	if s.shell != nil {
		return s.own
	}
	if s.typed != nil {
		return s.typed
	}
	return s.channel
}
