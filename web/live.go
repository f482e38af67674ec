package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"gatehouse/internal/console"
)

const (
	writeTime = 20 * time.Second // how long a viewer may take to read one event before it is cut off
	pollEvery = 2 * time.Second  // how often the list of sessions is looked at
)

// stream is one server-sent event stream: bounded in time, so that it is authorised anew when the browser comes back.
type stream struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

// openStream counts the stream against the sign-in and returns a context that ends with it. The caller calls done.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request, who console.Credential) (*stream, context.Context, func(), error) {
	if !s.streams.take(who.SignIn) {
		return nil, nil, nil, errTooMany
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Stream)
	remove := s.watchers.add(who.SignIn, cancel)
	done := func() { remove(); cancel(); s.streams.give(who.SignIn) }
	return &stream{w: w, out: http.NewResponseController(w)}, ctx, done, nil
}

func (st *stream) begin() error {
	h := st.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	return st.raw("retry: 2000\n\n")
}

func (st *stream) raw(text string) error {
	extend(st.w, writeTime)
	if _, err := st.w.Write([]byte(text)); err != nil {
		return err
	}
	return st.out.Flush()
}

func (st *stream) data(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return st.raw("data: " + string(b) + "\n\n")
}

// apiEvents says when the list of sessions is another than the one that the browser has.
func (s *Server) apiEvents(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	st, ctx, done, err := s.openStream(w, r, who)
	if err != nil {
		return err
	}
	defer done()
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.URL.Query().Get("since")
	}
	begun := false
	err = s.cfg.Console.Changes(ctx, who, pollEvery, func(mark string) error {
		if !begun {
			begun = true
			if err := st.begin(); err != nil || mark == seen {
				return err
			}
		}
		return st.raw("id: " + mark + "\nevent: change\ndata:\n\n")
	})
	if begun {
		return nil
	}
	return err
}

// apiLive streams a session's screen: what the player's eventsource driver reads. The screen so far comes as one piece, so
// that a late viewer sees it at once; then every event as it happens.
func (s *Server) apiLive(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	st, ctx, done, err := s.openStream(w, r, who)
	if err != nil {
		return err
	}
	defer done()
	rec, err := s.cfg.Console.Tail(ctx, who, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer rec.Close()
	if err := s.follow(st, rec); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("live view ended", "session_id", rec.Session.ID, "error", err)
	}
	return nil
}

func (s *Server) follow(st *stream, rec *console.Playback) error {
	so := screenSoFar(rec)
	if err := st.begin(); err != nil {
		return err
	}
	if err := st.data(so.snapshot()); err != nil {
		return err
	}
	n := 0
	for e, err := range rec.Events {
		if err != nil {
			return err
		}
		if n++; n <= so.events {
			continue
		}
		if line := so.line(e); line != nil {
			if err := st.data(line); err != nil {
				return err
			}
		}
	}
	return st.raw("event: done\ndata:\n\n")
}
