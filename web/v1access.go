package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy/access"
)

// The addresses for programs of a person who is signed in: the cookie and the rules about other sites are the pages'. Agents ask
// over ssh. Approving is not here: it needs an authenticator, and a page that shows what is approved.

// RequestOrder is the body of POST /v1/requests.
type RequestOrder struct {
	From    string   `json:"from,omitempty"` // a denial, "dn_…"
	Role    string   `json:"role,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Targets []string `json:"targets,omitempty"`
	Login   string   `json:"login,omitempty"`
	Reason  string   `json:"reason"`
	Ticket  string   `json:"ticket,omitempty"`
	For     string   `json:"for,omitempty"` // "30m"
	Uses    int64    `json:"uses,omitempty"`
}

// Words is the body of what ends something: why, in one line.
type Words struct {
	Words string `json:"words"`
}

// LockBody is the body of POST /v1/locks.
type LockBody struct {
	Kind   string `json:"kind"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // "8h", or a time
}

// RequestPage is a page of requests, newest first. Next is the before of the following page.
type RequestPage struct {
	Requests []access.Request `json:"requests"`
	Next     string           `json:"next,omitempty"`
}

// GrantPage is a page of grants, newest first.
type GrantPage struct {
	Grants []access.Grant `json:"grants"`
	Next   string         `json:"next,omitempty"`
}

// LockList is what is locked.
type LockList struct {
	Locks []access.Lock `json:"locks"`
}

func (s *Server) v1AccessRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/requests", s.signedIn(s.v1Requests))
	mux.HandleFunc("POST /v1/requests", s.signedIn(s.v1Ask))
	mux.HandleFunc("GET /v1/requests/{id}", s.signedIn(s.v1Request))
	mux.HandleFunc("POST /v1/requests/{id}/withdraw", s.signedIn(s.v1Withdraw))
	mux.HandleFunc("POST /v1/requests/{id}/decline", s.signedIn(s.v1Decline))
	mux.HandleFunc("GET /v1/grants", s.signedIn(s.v1Grants))
	mux.HandleFunc("POST /v1/grants/{id}/end", s.signedIn(s.v1EndGrant))
	mux.HandleFunc("GET /v1/locks", s.signedIn(s.v1Locks))
	mux.HandleFunc("POST /v1/locks", s.signedIn(s.v1Lock))
	mux.HandleFunc("POST /v1/locks/{id}/lift", s.signedIn(s.v1Lift))
}

func (s *Server) v1Requests(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	_, filter, err := readRequestFilter(r.URL.Query())
	if err != nil {
		return err
	}
	if filter.Answer, err = yesNo(r.URL.Query().Get("answer")); err != nil {
		return err
	}
	list, next, err := s.cfg.Access.Requests(r.Context(), who, filter)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, RequestPage{append([]access.Request{}, list...), next})
	return nil
}

func yesNo(text string) (bool, error) {
	if text == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return false, errBadRequest
	}
	return yes, nil
}

func (s *Server) v1Ask(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	var in RequestOrder
	if err := readV1(r, &in); err != nil {
		return err
	}
	order := console.AccessOrder{From: in.From, Role: in.Role, Pattern: in.Pattern, Targets: in.Targets, Login: in.Login, Ticket: in.Ticket, Uses: in.Uses}
	var err error
	if order.Reason, err = lineOf(in.Reason, "say in one line what you need it for"); err != nil {
		return err
	}
	if in.For != "" {
		if order.For, err = durationOf(in.For); err != nil {
			return err
		}
	}
	q, err := s.cfg.Access.Ask(r.Context(), who, order)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, q)
	return nil
}

func (s *Server) v1Request(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	v, err := s.cfg.Access.Request(r.Context(), who, name)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// said reads the id in the address and the words in the body.
func said(r *http.Request, prefix id.Prefix) (name, words string, err error) {
	if name, err = accessID(r, prefix); err != nil {
		return "", "", err
	}
	var in Words
	if err := readV1(r, &in); err != nil {
		return "", "", err
	}
	words, err = lineOf(in.Words, "say in one line why")
	return name, words, err
}

func (s *Server) v1Withdraw(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, words, err := said(r, id.Access)
	if err != nil {
		return err
	}
	q, err := s.cfg.Access.Withdraw(r.Context(), who, name, words)
	return answerV1(w, q, err)
}

func (s *Server) v1Decline(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, words, err := said(r, id.Access)
	if err != nil {
		return err
	}
	q, err := s.cfg.Access.Answer(r.Context(), who, console.AccessAnswer{Request: name, Words: words})
	return answerV1(w, q, err)
}

func (s *Server) v1Grants(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	q := r.URL.Query()
	live, err := yesNo(q.Get("live"))
	if err != nil || len(q.Get("task"))+len(q.Get("who"))+len(q.Get("before")) > 600 {
		return errBadRequest
	}
	list, next, err := s.cfg.Access.Grants(r.Context(), who, console.AccessFilter{Live: live, Task: q.Get("task"), Who: q.Get("who"), Before: q.Get("before")})
	return answerV1(w, GrantPage{append([]access.Grant{}, list...), next}, err)
}

func (s *Server) v1EndGrant(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, words, err := said(r, id.Grant)
	if err != nil {
		return err
	}
	ended, err := s.cfg.Access.EndGrants(r.Context(), who, name, words)
	return answerV1(w, GrantPage{Grants: append([]access.Grant{}, ended...)}, err)
}

func (s *Server) v1Locks(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	list, err := s.cfg.Access.Locks(r.Context(), who)
	return answerV1(w, LockList{append([]access.Lock{}, list...)}, err)
}

func (s *Server) v1Lock(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	var in LockBody
	if err := readV1(r, &in); err != nil {
		return err
	}
	order, err := s.lockOrder(lockForm{Kind: in.Kind, Value: in.Value, Reason: in.Reason, Until: in.Until})
	if err != nil {
		return err
	}
	report, err := s.cfg.Access.Lock(r.Context(), who, order)
	return answerV1(w, report, err)
}

func (s *Server) v1Lift(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, words, err := said(r, id.Lock)
	if err != nil {
		return err
	}
	lock, err := s.cfg.Access.Unlock(r.Context(), who, name, words)
	return answerV1(w, lock, err)
}

func answerV1(w http.ResponseWriter, v any, err error) error {
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// apiErrorOf is what a program is told of an error that the pages have too; nil: it is a fault of ours.
func apiErrorOf(err error, now time.Time) *APIError {
	var why *APIError
	if errors.As(err, &why) {
		return why
	}
	if errors.Is(err, console.ErrSignedOut) {
		return &APIError{Code: "signed_out", Text: "this needs the cookie of somebody who is signed in"}
	}
	p := problemOf(err, now)
	switch p.Status {
	case http.StatusBadRequest, http.StatusConflict:
		return &APIError{Code: "bad_request", Text: p.Text}
	case http.StatusForbidden:
		return &APIError{Code: "not_allowed", Text: p.Text}
	case http.StatusNotFound:
		return &APIError{Code: "not_found", Text: "there is nothing under this address, or not with this method"}
	}
	return nil
}
