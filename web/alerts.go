package web

import (
	"net/http"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
)

// alertsView is the page of what people were told. Tested is how the channels took a test, after one.
type alertsView struct {
	console.AlertPage
	Dead   bool
	Tested []console.AlertTested
	Resent int64
	After  string // what was just done: "test", "resend"
}

func (s *Server) alertRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /alerts", s.known(s.alertsPage))
	mux.HandleFunc("POST /alerts/test", s.signedIn(s.alertTestSubmit))
	mux.HandleFunc("POST /alerts/{id}/resend", s.signedIn(s.alertResendSubmit))
}

func (s *Server) alertsPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	q := r.URL.Query()
	return s.showAlerts(w, r, who, console.AlertFilter{Dead: q.Get("dead") == "1", Before: cutTo(q.Get("before"), 64)}, alertsView{})
}

func (s *Server) showAlerts(w http.ResponseWriter, r *http.Request, who console.Credential, f console.AlertFilter, view alertsView) error {
	if s.cfg.Alerts == nil {
		return errNoPage
	}
	list, err := s.cfg.Alerts.Alerts(r.Context(), who, f)
	if err != nil {
		return err
	}
	view.AlertPage, view.Dead = list, f.Dead
	s.render(w, r, http.StatusOK, "alerts", page{Title: "Alerts", Nav: "alerts", Body: view})
	return nil
}

// alertTestSubmit sends a test to one channel or all, and shows how each took it.
func (s *Server) alertTestSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if s.cfg.Alerts == nil {
		return errNoPage
	}
	tested, err := s.cfg.Alerts.TestAlerts(r.Context(), who, cutTo(r.PostFormValue("channel"), 64))
	if err != nil {
		return err
	}
	return s.showAlerts(w, r, who, console.AlertFilter{}, alertsView{Tested: tested, After: "test"})
}

// alertResendSubmit makes a channel get an alert once more, with the id that it has.
func (s *Server) alertResendSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if s.cfg.Alerts == nil {
		return errNoPage
	}
	alert, err := accessID(r, id.Alert)
	if err != nil {
		return err
	}
	n, err := s.cfg.Alerts.ResendAlert(r.Context(), who, cutTo(r.PostFormValue("channel"), 64), alert)
	if err != nil {
		return err
	}
	return s.showAlerts(w, r, who, console.AlertFilter{}, alertsView{Resent: n, After: "resend"})
}
