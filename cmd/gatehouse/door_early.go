package main

import "sync"

// maxEarly is how many events may come before the door is ready; the next one waits, and with it all that the decider says.
const maxEarly = 4096

// earlyEvents keeps what the decider tells the door before that is there to hear it. It must not wait: the answer without which
// the door cannot begin comes behind it on the same socket.
type earlyEvents struct {
	mu      sync.Mutex
	started bool
	kept    []func()
	start   chan struct{} // closed by begin
}

func newEarlyEvents() *earlyEvents { return &earlyEvents{start: make(chan struct{})} }

// do handles an event now, or when the door is ready, in the order in which they came. It is called by one goroutine.
func (e *earlyEvents) do(handle func()) {
	e.mu.Lock()
	if !e.started && len(e.kept) < maxEarly {
		e.kept = append(e.kept, handle)
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	<-e.start
	handle()
}

// begin handles what was kept, and lets everything else through.
func (e *earlyEvents) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, handle := range e.kept {
		handle()
	}
	e.kept, e.started = nil, true
	close(e.start)
}
