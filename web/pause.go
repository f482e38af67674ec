package web

import (
	"context"
	"net/http"

	"gatehouse/internal/console"
)

// pausedView says what a pause or a resume did.
type pausedView struct {
	Session string
	Paused  bool
	Report  console.PauseReport
}

func (s *Server) pauseSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	return s.hold(w, r, who, true, s.cfg.Console.Pause)
}

func (s *Server) resumeSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	return s.hold(w, r, who, false, s.cfg.Console.Resume)
}

// hold pauses a session or lets it go on, and says what came of it.
func (s *Server) hold(w http.ResponseWriter, r *http.Request, who console.Credential, pause bool,
	do func(context.Context, console.Credential, console.KillChoice, string) (console.PauseReport, error)) error {
	name := r.PathValue("id")
	report, err := do(r.Context(), who, console.KillChoice{Session: name}, r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	title := "Session resumed"
	if pause {
		title = "Session paused"
	}
	s.render(w, r, http.StatusOK, "paused", page{Title: title, Nav: "sessions", Body: pausedView{name, pause, report}})
	return nil
}
