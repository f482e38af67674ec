package web

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

var (
	errCrossOrigin = errors.New("the request came from another site")
	errNoPage      = errors.New("there is no such page")
	errBadRequest  = errors.New("the request could not be read")
	errTooMany     = errors.New("too many at once")
)

// statuses maps errors to what a browser is told. What is not listed is our fault: 500, with an id that the log has too.
var statuses = []struct {
	err    error
	status int
	title  string
	text   string
}{
	{console.ErrSignedOut, http.StatusUnauthorized, "Sign in first", "Your sign-in has ended. Sign in again."},
	{console.ErrLinkUsed, http.StatusGone, "This link no longer works", "A sign-in link opens once, for a few minutes. Get a new one with the web-login verb."},
	{account.ErrCeremony, http.StatusGone, "Begin again", "This sign-in was used before, has expired, or began in another browser. Nothing changed."},
	{errCrossOrigin, http.StatusForbidden, "Refused", "The request came from another site, so it was refused. Nothing changed."},
	{errNoPage, http.StatusNotFound, "No such page", "The address leads nowhere. The sessions are under Sessions."},
	{errBadRequest, http.StatusBadRequest, "That did not make sense", "The request could not be read. Nothing changed."},
	{errTooMany, http.StatusTooManyRequests, "Too many at once", "Wait a moment, close other tabs of Gatehouse, then try again."},
	{store.ErrNotFound, http.StatusNotFound, "No such session", "No session has this id. It may have been mistyped or cut off."},
	{store.ErrAmbiguous, http.StatusNotFound, "Which session?", "More than one session begins with this id. Use more of it."},
	{console.ErrAuditPage, http.StatusNotFound, "No such page", "The audit log has no such page. Begin with the newest entries, under Audit."},
	{fs.ErrNotExist, http.StatusNotFound, "No recording", "Nothing was recorded of this session."},
	{console.ErrNotLive, http.StatusConflict, "Nothing to end", "The session is not running any more. Nothing changed."},
	{console.ErrUnmask, http.StatusBadRequest, "A reason is needed", "Say in one line, at most 500 characters, why you need to see what is masked. Nothing was shown."},
	{errMasked, http.StatusForbidden, "Masked", "A reason for seeing what is masked holds for ten minutes. Give one on the session's page."},
	{console.ErrReason, http.StatusBadRequest, "A reason is needed", "Say in one line, at most 500 characters, why the session is to end. Nothing changed."},
}

// problem is an answer that is not what was asked for.
type problem struct {
	Status int    `json:"-"`
	Title  string `json:"title"`
	Text   string `json:"error"`
	ID     string `json:"id,omitempty"`
}

func problemOf(err error, now time.Time) problem {
	var forbidden *console.ForbiddenError
	if errors.As(err, &forbidden) {
		return problem{http.StatusForbidden, "Not permitted", "You may not do this: " + forbidden.Reason, ""}
	}
	if line, ok := console.UserMistake(err); ok {
		return problem{http.StatusBadRequest, "That did not work", sentence(line), ""}
	}
	var refused *account.RefusedError
	if errors.As(err, &refused) {
		return problem{http.StatusForbidden, "That was refused", sentence(refused.Reason), ""}
	}
	if gone := (*console.GoneError)(nil); errors.As(err, &gone) {
		return problem{http.StatusGone, "No recording", sentence(gone.Error()), ""}
	}
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) {
		return problem{http.StatusConflict, "Encrypted", sentence(locked.Error()), ""}
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return problem{s.status, s.title, s.text, ""}
		}
	}
	return problem{http.StatusInternalServerError, "Something went wrong here", "It is not your fault, and nothing was changed that is not in the audit log. The operator finds the cause by the id.", id.New(id.Fault, now)}
}

// sentence makes one of a refusal's line.
func sentence(line string) string {
	if line == "" {
		return line
	}
	return strings.ToUpper(line[:1]) + line[1:] + "."
}

// fail answers with the error, as JSON under /api/ and as a page elsewhere.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there any more
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		s.refuseV1(w, r, err)
		return
	}
	p := problemOf(err, s.cfg.Now())
	if p.ID != "" {
		s.cfg.Log.Error("request failed", "error_id", p.ID, "method", r.Method, "path", console.Visible(r.URL.Path), "error", err)
	}
	if errors.Is(err, console.ErrSignedOut) {
		s.dropCookie(w)
		s.navs.forget(s.cookie(r))
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeJSON(w, p.Status, p)
		return
	}
	if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet {
		s.comeBack(w, r)
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	s.render(w, r, p.Status, "error", page{Title: p.Title, Body: p})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
