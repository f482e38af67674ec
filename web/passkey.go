package web

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// passkeyBegin answers with the options for navigator.credentials.get.
func (s *Server) passkeyBegin(w http.ResponseWriter, r *http.Request) {
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	c, err := s.cfg.SignIns.BeginPasskey(r.Context(), console.Credential{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.options(w, c)
}

// passkeyAddBegin answers with the options for navigator.credentials.create.
func (s *Server) passkeyAddBegin(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	c, err := s.cfg.SignIns.BeginPasskey(r.Context(), who)
	if err != nil {
		return err
	}
	s.options(w, c)
	return nil
}

func (s *Server) options(w http.ResponseWriter, c account.Ceremony) {
	s.setShort(w, ceremonyCookie, c.Secret)
	writeJSON(w, http.StatusOK, json.RawMessage(c.Options))
}

// goOn tells a page's script where to go.
type goOn struct {
	Next string `json:"next"`
}

func (s *Server) passkeySignIn(w http.ResponseWriter, r *http.Request) {
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	body, err := jsonBody(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	in, err := s.cfg.SignIns.SignInByPasskey(r.Context(), s.short(r, ceremonyCookie), body, sourceOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, goOn{s.welcome(w, r, in)})
}

// newPasskey is what the page's script sends.
type newPasskey struct {
	Name   string          `json:"name"`
	Answer json.RawMessage `json:"answer"`
}

func (s *Server) passkeyAdd(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	body, err := jsonBody(r)
	if err != nil {
		return err
	}
	var in newPasskey
	if err := json.Unmarshal(body, &in); err != nil {
		return errBadRequest
	}
	if _, err := s.cfg.Accounts.AddPasskey(r.Context(), who, s.short(r, ceremonyCookie), in.Name, in.Answer); err != nil {
		return err
	}
	s.setShort(w, ceremonyCookie, "")
	s.navs.forget(who.SignIn)
	next := goOn{"/account"}
	if s.short(r, nextCookie) != "" { // a program's login waits: it needs a sign-in with the new passkey
		next.Next = "/sign-in"
	}
	writeJSON(w, http.StatusOK, next)
	return nil
}

// jsonBody reads a bounded body that says that it is JSON: forms of other sites cannot send that.
func jsonBody(r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errBadRequest
	}
	body, err := io.ReadAll(r.Body) // bounded by harden
	if err != nil || !json.Valid(body) {
		return nil, errBadRequest
	}
	return body, nil
}
