package bastion

import (
	"sync"

	"gatehouse/internal/decider/protocol"
)

// recentEvents is how many requests' changes are remembered, so that one that came before somebody watched is not missed.
const recentEvents = 1024

// watches wakes whoever waits for requests for privileges, and nobody else.
type watches struct {
	mu      sync.Mutex
	events  uint64 // so far
	recent  [recentEvents]string
	watched map[string]map[chan struct{}]struct{}

	waiting int // sessions
}

func newWatches() *watches {
	return &watches{watched: map[string]map[chan struct{}]struct{}{}}
}

// now is the moment that watch may be told, so that what changed since is not missed.
func (w *watches) now() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events
}

// watch returns a channel that has something in it when the request has changed since then. stop gives it back.
func (w *watches) watch(request string, since uint64) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changedSince(request, since) {
		ch <- struct{}{}
	}
	if w.watched[request] == nil {
		w.watched[request] = map[chan struct{}]struct{}{}
	}
	w.watched[request][ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watched[request], ch)
		if len(w.watched[request]) == 0 {
			delete(w.watched, request)
		}
	}
}

// changedSince is called with mu held. What is no longer remembered counts as changed: whoever is woken in vain asks once more.
func (w *watches) changedSince(request string, since uint64) bool {
	if w.events-since > recentEvents {
		return true
	}
	for n := since; n < w.events; n++ {
		if w.recent[n%recentEvents] == request {
			return true
		}
	}
	return false
}

// changed wakes whoever watches one of the requests. It never waits.
func (w *watches) changed(requests []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range requests {
		w.recent[w.events%recentEvents] = r
		w.events++
		wake(w.watched[r])
	}
}

// wakeAll wakes everybody: the door itself has something to say.
func (w *watches) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.watched {
		wake(all)
	}
}

func wake(all map[chan struct{}]struct{}) {
	for ch := range all {
		select {
		case ch <- struct{}{}:
		default: // it is awake already
		}
	}
}

// Access tells the door that requests for privileges have changed. It does not wait.
func (s *Server) Access(e protocol.AccessEvent) { s.watches.changed(e.Requests) }

// WatchRequest returns a channel that has something in it whenever the request may have changed since the call; stop gives it back.
func (s *Server) WatchRequest(request string) (changed <-chan struct{}, stop func()) {
	return s.watches.watch(request, s.watches.now())
}

// enter counts a session that waits in; a limit is what stands against it. leave is called at its end.
func (s *Server) enter(c *conn) (leave func(), over limit) {
	l := c.limits()
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	switch {
	case s.watches.waiting >= l.Waiting:
		return nil, limitWaiting
	case int(c.waiting.Load()) >= l.WaitingPerConnection:
		return nil, limitWaitingPerConnection
	}
	s.watches.waiting++
	c.waiting.Add(1)
	return func() {
		s.watches.mu.Lock()
		defer s.watches.mu.Unlock()
		s.watches.waiting--
		c.waiting.Add(-1)
	}, ""
}
