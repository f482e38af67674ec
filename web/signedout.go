package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// watchers end the live streams of sign-ins that are over, at once and not only when a stream is authorised anew.
type watchers struct {
	mu sync.Mutex
	by map[string]map[*context.CancelFunc]bool // by the SHA-256 of the cookie, in hexadecimal
}

func newWatchers() *watchers { return &watchers{by: map[string]map[*context.CancelFunc]bool{}} }

// add notes a stream; the caller removes it when the stream is over. Their number is bounded by limits.
func (w *watchers) add(cookie string, cancel context.CancelFunc) (remove func()) {
	key := hashOf(cookie)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[key] == nil {
		w.by[key] = map[*context.CancelFunc]bool{}
	}
	w.by[key][&cancel] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.by[key], &cancel); len(w.by[key]) == 0 {
			delete(w.by, key)
		}
	}
}

// SignedOut ends the streams of sign-ins, named by the SHA-256 of their cookies in hexadecimal. It does not wait.
func (s *Server) SignedOut(signIns []string) {
	s.navs.drop(signIns)
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	for _, key := range signIns {
		for cancel := range s.watchers.by[key] {
			(*cancel)()
		}
	}
}

// hashOf is how the decider names a sign-in to which it keeps no cookie.
func hashOf(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:])
}
