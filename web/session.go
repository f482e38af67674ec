package web

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/internal/console"
)

type sessionView struct {
	console.Detail
	Facts  []console.Fact
	Built  bool   // the player was built in
	Replay bool   // there is output to replay
	Base   string // of the session's API
	Page   string // of the session
}

func (s *Server) sessionPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	d, err := s.cfg.Console.Show(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	view := sessionView{
		Detail: d, Facts: d.Facts(), Built: s.assets.player(), Page: "/sessions/" + d.Session.ID,
		Replay: d.Session.Live() || d.Timeline.Output > 0,
	}
	if d.Unmasked {
		view.Page += "/unmasked"
		view.Replay = view.Replay && !d.Session.Live() // live it is always masked
	}
	view.Base = "/api" + view.Page
	s.render(w, r, http.StatusOK, "session", page{
		Title: title(d.Session), Nav: "sessions", By: d.By, Body: view, Player: view.Built && view.Replay,
	})
	return nil
}

// title is what a browser's tab shows of a session.
func title(s console.Session) string {
	command := []rune(console.Visible(s.Command))
	if len(command) > 60 {
		command = append(command[:59], '…')
	}
	if len(command) == 0 {
		return s.Short
	}
	return string(command) + " on " + console.Visible(s.Target)
}

type transcriptView struct {
	ID, Text string
	Cut      bool
}

func (s *Server) transcriptPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	d, err := s.cfg.Console.Export(r.Context(), who, r.PathValue("id"), console.Text)
	if err != nil {
		return err
	}
	var text limitedText
	if err := d.Write(&text); err != nil && !text.cut {
		return err
	}
	s.render(w, r, http.StatusOK, "transcript", page{
		Title: "Transcript", Nav: "sessions", By: d.By, Body: transcriptView{ID: d.Session, Text: text.b.String(), Cut: text.cut},
	})
	return nil
}

// limitedText keeps the first 2 MiB of a transcript; what is longer is for a download.
type limitedText struct {
	b   strings.Builder
	cut bool
}

const maxTranscript = 2 << 20

var errTooLong = errors.New("the transcript is longer than a page shows")

func (t *limitedText) Write(p []byte) (int, error) {
	if t.b.Len()+len(p) > maxTranscript {
		t.cut = true
		return 0, errTooLong
	}
	return t.b.Write(p)
}

type killView struct {
	Session console.Session
	Problem string
	Reason  string
}

// killPage is the confirmation for a browser without script; with it, a dialog on the session's page has the same form.
func (s *Server) killPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	d, err := s.cfg.Console.Show(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "kill", page{Title: "End session", Nav: "sessions", By: d.By, Body: killView{Session: d.Session}})
	return nil
}

func (s *Server) killSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	report, err := s.cfg.Console.Kill(r.Context(), who, console.KillChoice{Session: r.PathValue("id")}, r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "killed", page{Title: "Session ended", Nav: "sessions", Body: report})
	return nil
}
