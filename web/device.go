package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/id"
)

// userCode is the shape of the code of a program's login.
var userCode = regexp.MustCompile(`^[A-Z]{4}-[A-Z]{4}$`)

// deviceView is the page on which a person confirms a program's login.
type deviceView struct {
	Code   string
	Device *account.Device // nil: the code is asked for
	Done   string          // what became of it
}

// devicePage asks for a code, or shows the login that waits under one. It needs a sign-in, and leads to one.
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) {
	code := typedCode(r.URL.Query().Get("user_code"))
	cookie := s.cookie(r)
	if cookie == "" {
		to := "/sign-in"
		if code != "" {
			to += "?device=" + url.QueryEscape(code)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	if err := s.showDevice(w, r, console.Credential{SignIn: cookie}, code); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) showDevice(w http.ResponseWriter, r *http.Request, who console.Credential, code string) error {
	view := deviceView{Code: code}
	by := console.Actor{}
	if code != "" {
		d, err := s.cfg.Devices.ShowDevice(r.Context(), who, code)
		if err != nil {
			return err
		}
		view.Device, by.Principal = &d, "person:"+d.Person
	}
	s.render(w, r, http.StatusOK, "device", page{Title: "Confirm a login", Nav: "device", By: by, Body: view})
	return nil
}

func (s *Server) deviceAnswer(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if !s.tries.allow(sourceOf(r)) {
		return errTooMany
	}
	code, answer := typedCode(r.PostFormValue("user_code")), r.PostFormValue("answer")
	if code == "" || answer != "confirm" && answer != "decline" {
		return errBadRequest
	}
	if err := s.cfg.Devices.AnswerDevice(r.Context(), who, code, answer == "confirm"); err != nil {
		return err
	}
	s.setShort(w, nextCookie, "")
	s.render(w, r, http.StatusOK, "device", page{Title: "Confirm a login", Nav: "device", Body: deviceView{Done: answer}})
	return nil
}

// typedCode is a code as somebody typed it: case, spaces and dashes do not matter. What cannot be one is empty.
func typedCode(text string) string {
	letters := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(text[:min(len(text), 64)]))
	if len(letters) != 8 {
		return ""
	}
	if code := letters[:4] + "-" + letters[4:]; userCode.MatchString(code) {
		return code
	}
	return ""
}

// DeviceRequest is the body of POST /v1/device (RFC 8628, with the key that the certificate will be for).
type DeviceRequest struct {
	PublicKey string `json:"public_key"`     // one line as ssh-keygen writes it
	Name      string `json:"name,omitempty"` // what the person is shown, such as user@host
}

// DeviceAuthorization is the answer to it (RFC 8628, section 3.2).
type DeviceAuthorization struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int    `json:"expires_in"` // seconds
	Interval                int    `json:"interval"`   // seconds between polls
}

const devicePath = "/v1/device"

// deviceBegin answers POST /v1/device: it begins a program's login, and grants nothing.
func (s *Server) deviceBegin(w http.ResponseWriter, r *http.Request) {
	request := id.New(id.Request, s.cfg.Now())
	if !s.enrolling.allow(sourceOf(r)) {
		s.refuse(w, r, request, &APIError{Code: "rate_limited", Text: "too many requests from this address"})
		return
	}
	var in DeviceRequest
	if err := readV1(r, &in); err != nil {
		s.refuse(w, r, request, err)
		return
	}
	d, err := s.cfg.Devices.BeginDevice(r.Context(), in.PublicKey, in.Name, sourceOf(r))
	if err != nil {
		s.refuse(w, r, request, err)
		return
	}
	writeJSON(w, http.StatusOK, DeviceAuthorization{DeviceCode: d.DeviceCode, UserCode: d.UserCode, VerificationURI: d.URL, VerificationURIComplete: d.URL + "?user_code=" + d.UserCode,
		ExpiresIn: int(d.Expires.Sub(s.cfg.Now()) / time.Second), Interval: int(d.Interval / time.Second)})
}
