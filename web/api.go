package web

import (
	"mime"
	"net/http"
	"time"

	"gatehouse/internal/console"
)

func (s *Server) apiRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/overview", s.signedIn(s.apiOverview))
	mux.HandleFunc("GET /api/sessions", s.signedIn(s.apiSessions))
	mux.HandleFunc("GET /api/sessions/{id}", s.signedIn(s.apiSession))
	mux.HandleFunc("GET /api/sessions/{id}/cast/index.json", s.signedIn(s.apiIndex))
	mux.HandleFunc("GET /api/sessions/{id}/cast/seg/{n}", s.signedIn(s.apiSegment))
	mux.HandleFunc("GET /api/sessions/{id}/live", s.signedIn(s.apiLive))
	mux.HandleFunc("GET /api/sessions/{id}/transcript", s.signedIn(s.apiTranscript))
	mux.HandleFunc("GET /api/sessions/{id}/download", s.signedIn(s.apiDownload))
	mux.HandleFunc("POST /api/sessions/{id}/kill", s.signedIn(s.apiKill))
	mux.HandleFunc("GET /api/search", s.signedIn(s.apiSearch))
	mux.HandleFunc("GET /api/events", s.signedIn(s.apiEvents))
}

func (s *Server) apiOverview(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	o, err := s.cfg.Console.Overview(r.Context(), who)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, o)
	return nil
}

func (s *Server) apiSessions(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	_, filter, err := readFilter(r.URL.Query(), s.cfg.Now())
	if err != nil {
		return err
	}
	list, err := s.cfg.Console.List(r.Context(), who, filter)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func (s *Server) apiSession(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	d, err := s.cfg.Console.Show(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, d)
	return nil
}

func (s *Server) apiKill(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	report, err := s.cfg.Console.Kill(r.Context(), who, console.KillChoice{Session: r.PathValue("id")}, r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, report)
	return nil
}

func (s *Server) apiTranscript(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	d, err := s.cfg.Console.Export(r.Context(), who, r.PathValue("id"), console.Text)
	if err != nil {
		return err
	}
	text := limitedText{}
	if err := d.Write(&text); err != nil && !text.cut {
		return err
	}
	if text.cut {
		text.b.WriteString("\n[only the first 2 MiB are shown: download the text for all of it]\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text.b.String()))
	return nil
}

// apiDownload streams an export. Once bytes have gone out an error can only cut the connection, so that no one takes a part
// for the whole.
func (s *Server) apiDownload(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	format, err := console.ParseFormat(r.URL.Query().Get("fmt"))
	if err != nil {
		return errBadRequest
	}
	d, err := s.cfg.Console.Export(r.Context(), who, r.PathValue("id"), format)
	if err != nil {
		return err
	}
	extend(w, 15*time.Minute)
	w.Header().Set("Content-Type", d.MediaType)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Name}))
	if err := d.Write(w); err != nil {
		s.cfg.Log.Error("download cut short", "session_id", d.Session, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// extend gives the client this long to take what is written next.
func extend(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d)) // not every writer has deadlines
}
