package bastion

import "sync"

// maxAhead is how many connections to one target may be open for clients that have not proven who they are. A stock sshd
// begins to drop connections at ten that do not authenticate, and later ones punish their source, which is this machine:
// whoever shows a certificate without its key must not shut the target to everybody else.
const maxAhead = 8

// aheads counts them by target. At the bound nothing is dialled ahead; the session dials when it is decided.
type aheads struct {
	mu   sync.Mutex
	open map[string]int
}

func newAheads() *aheads { return &aheads{open: map[string]int{}} }

func (a *aheads) take(target string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[target] >= maxAhead {
		return false
	}
	a.open[target]++
	return true
}

// give gives a place back; the empty target is none.
func (a *aheads) give(target string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if target == "" {
		return
	}
	if a.open[target]--; a.open[target] <= 0 {
		delete(a.open, target)
	}
}
