package web

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/console"
)

const (
	unmaskTime = 10 * time.Minute // how long a reason that was given holds
	maxUnmasks = 1000             // reasons kept at once; of more the oldest are forgotten
)

var errMasked = errors.New("no reason was given, or too long ago")

// unmasks keeps the reasons that people gave for seeing a session unmasked. A reason opens nothing by itself: every read under
// it is authorised by the decider, with the reason.
type unmasks struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[unmaskKey]unmask
}

// unmaskKey is one sign-in and one session's whole id.
type unmaskKey struct{ signIn, session string }

type unmask struct {
	reason string
	ends   time.Time
}

func newUnmasks(now func() time.Time) *unmasks {
	return &unmasks{now: now, by: map[unmaskKey]unmask{}}
}

func (u *unmasks) give(key unmaskKey, reason string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	oldest := key
	for k, v := range u.by {
		if !v.ends.After(now) {
			delete(u.by, k)
		} else if oldest == key || v.ends.Before(u.by[oldest].ends) {
			oldest = k
		}
	}
	if len(u.by) >= maxUnmasks {
		delete(u.by, oldest)
	}
	u.by[key] = unmask{reason, now.Add(unmaskTime)}
}

func (u *unmasks) reason(key unmaskKey) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	v, ok := u.by[key]
	return v.reason, ok && v.ends.After(u.now())
}

func (s *Server) unmaskRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /sessions/{id}/unmask", s.signedIn(s.unmaskSubmit))
	mux.HandleFunc("GET /sessions/{id}/unmasked", s.unmasked((*Server).sessionPage))
	mux.HandleFunc("GET /sessions/{id}/unmasked/transcript", s.unmasked((*Server).transcriptPage))
	mux.HandleFunc("GET /api/sessions/{id}/unmasked", s.unmasked((*Server).apiSession))
	mux.HandleFunc("GET /api/sessions/{id}/unmasked/cast/index.json", s.unmasked((*Server).apiIndex))
	mux.HandleFunc("GET /api/sessions/{id}/unmasked/cast/seg/{n}", s.unmasked((*Server).apiSegment))
	mux.HandleFunc("GET /api/sessions/{id}/unmasked/transcript", s.unmasked((*Server).apiTranscript))
	mux.HandleFunc("GET /api/sessions/{id}/unmasked/download", s.unmasked((*Server).apiDownload))
}

// unmaskSubmit asks the decider whether the person may see what is masked, and then shows it.
func (s *Server) unmaskSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	reason := r.PostFormValue("reason")
	_, session, err := s.cfg.Console.Unmask(r.Context(), who, r.PathValue("id"), reason)
	if err != nil {
		return err
	}
	s.unmasks.give(unmaskKey{who.SignIn, session}, reason)
	http.Redirect(w, r, "/sessions/"+session+"/unmasked", http.StatusSeeOther)
	return nil
}

// unmasked runs a handler with a console that shows secrets, for who gave a reason within the last ten minutes.
func (s *Server) unmasked(next func(*Server, http.ResponseWriter, *http.Request, console.Credential) error) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, who console.Credential) error {
		reason, ok := s.unmasks.reason(unmaskKey{who.SignIn, r.PathValue("id")})
		if !ok {
			return errMasked
		}
		open, err := s.cfg.Console.Unmasked(reason)
		if err != nil {
			return err
		}
		own := *s
		own.cfg.Console = open
		return next(&own, w, r, who)
	})
}
