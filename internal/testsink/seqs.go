// Package testsink has real receivers of what Gatehouse exports, for tests: Debian's rsyslog as an ordinary process with a folder
// of its own, and a small receiver of OpenTelemetry's protocol.
//
// It is for tests: production code never imports it.
package testsink

import (
	"fmt"
	"sync"
)

// Seqs counts the numbers of entries that arrived. The zero value is ready; safe for concurrent use.
type Seqs struct {
	mu   sync.Mutex
	have map[int64]int
}

// Add counts one.
func (s *Seqs) Add(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil {
		s.have = map[int64]int{}
	}
	s.have[n]++
}

// Len is how many different numbers there are.
func (s *Seqs) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.have)
}

// Complete says whether 0 to n-1 are there, and how many came more than once. What is beyond does not matter.
func (s *Seqs) Complete(n int64) (twice int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		switch c := s.have[i]; {
		case c == 0:
			return 0, fmt.Errorf("entry %d of %d did not arrive (%d did)", i, n, len(s.have))
		case c > 1:
			twice++
		}
	}
	return twice, nil
}
