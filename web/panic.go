package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// panicWait is how long the panic page waits for the decider to say who is there before it is shown all the same.
const panicWait = time.Second

// panicView is the page that locks everything.
type panicView struct {
	Unsure  bool // the decider could not say in time who is there; it will when the form is sent
	Problem string
	Reason  string
}

// panicPage asks the store for nothing, and the decider only who is there: it is shown when the disk is full and the database
// hangs. It tells nothing, so it is shown too when the decider does not answer in time; the lock itself is authorised always.
func (s *Server) panicPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	ctx, cancel := context.WithTimeout(r.Context(), panicWait)
	defer cancel()
	_, err := s.actor(ctx, who)
	if forbidden := (*console.ForbiddenError)(nil); errors.Is(err, console.ErrSignedOut) || errors.As(err, &forbidden) {
		return err
	}
	s.render(w, r, http.StatusOK, "panic", page{Title: "Lock everything", Nav: "panic", Body: panicView{Unsure: err != nil}})
	return nil
}

func (s *Server) panicSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	reason, err := lineOf(r.PostFormValue("reason"), "say in one line why")
	if err != nil {
		mistake, _ := console.UserMistake(err)
		s.render(w, r, http.StatusBadRequest, "panic", page{Title: "Lock everything", Nav: "panic", Body: panicView{Problem: sentence(mistake), Reason: r.PostFormValue("reason")}})
		return nil
	}
	report, err := s.cfg.Access.Lock(r.Context(), who, console.LockOrder{What: access.Subject{Kind: access.LockEverything}, Reason: reason})
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "locked", page{Title: "Everything is locked", Nav: "panic", Body: report})
	return nil
}

// awaySubmit names who answers in the person's place.
func (s *Server) awaySubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	to, until := r.PostFormValue("to"), s.cfg.Now().UTC() // nobody from now on
	if to != "" {
		var err error
		if until, err = untilOf(r.PostFormValue("until"), s.cfg.Now()); err != nil {
			return err
		}
		if until.IsZero() {
			return console.NewUsageError("say until when somebody else answers: 8h, 5d or a time")
		}
	}
	if _, err := s.cfg.Access.Away(r.Context(), who, to, until); err != nil {
		return err
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}
