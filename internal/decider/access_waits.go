package decider

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/policy/access"
)

// maxWaits bounds the sessions that wait for people.
const maxWaits = 10_000

// waits are the sessions that wait for people. Safe for concurrent use.
type waits struct {
	mu   sync.Mutex
	open map[string]wait // by session, and by its number for a command of a governed shell (waiter)
}

// wait is one of them.
type wait struct {
	conn, request string
	end           time.Time      // zero: it did not wait at all
	lent          []access.Grant // by which it may ask at all
}

func newWaits() *waits { return &waits{open: map[string]wait{}} }

// begin keeps that a session waits for a request, and returns until when: a wait that has begun does not grow. The zero time means not
// at all.
func (w *waits) begin(session, conn, request string, most time.Duration, now time.Time) (until time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x, known := w.open[session]
	if !known && (len(w.open) >= maxWaits || w.ofShell(session) >= maxStepWaits) {
		return time.Time{}, refuse("too many commands wait for people")
	}
	if !known && most > 0 {
		x.end = now.Add(most).UTC()
	}
	x.conn, x.request = conn, request
	w.open[session] = x
	return x.end, nil
}

// until is when a session's wait ends.
func (w *waits) until(session string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[session].end
}

// end forgets a session.
func (w *waits) end(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, session)
}

// stepMark stands between a governed shell's id and the number of a command of it that waits.
const stepMark = "#"

// waiter is by what the wait of a question is known: each command of a governed shell waits by itself.
func (r *ruling) waiter() string {
	if !r.aStep() {
		return r.in.Session
	}
	return r.in.Session + stepMark + strconv.FormatInt(r.in.Step.N, 10)
}

// ofShell is how many commands wait of the governed shell that a waiter is a command of; 0 if it is none. Called with mu held.
func (w *waits) ofShell(waiter string) (n int) {
	shell, _, isStep := strings.Cut(waiter, stepMark)
	if !isStep {
		return 0
	}
	for name := range w.open {
		if strings.HasPrefix(name, shell+stepMark) {
			n++
		}
	}
	return n
}

// endShell forgets the commands of a governed shell.
func (w *waits) endShell(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.open {
		if strings.HasPrefix(name, session+stepMark) {
			delete(w.open, name)
		}
	}
}

// endConnection forgets those of a connection.
func (w *waits) endConnection(conn string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, x := range w.open {
		if x.conn == conn {
			delete(w.open, name)
		}
	}
}

// conns are the connections on which sessions wait for a request.
func (w *waits) conns(request string) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.open {
		if x.request == request {
			list = append(list, x.conn)
		}
	}
	return list
}
