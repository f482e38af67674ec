package web

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"net/http"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy/lab/schema"
)

// maxV1Body bounds a body for programs: a token, a key and some words.
const maxV1Body = 64 << 10

// How often one address may ask for certificates: a hundred jobs that begin at once behind one address get through.
const (
	enrolPerSec = 5
	enrolBurst  = 60
)

// Enrolments is the decider as programs that ask for certificates see it. Safe for concurrent use.
type Enrolments interface {
	// Enrol gives a certificate for a proof, once. A refusal is *APIError without an ID; it is audited under request, as is
	// success, when the method returns. Any other error is a fault of ours.
	Enrol(ctx context.Context, request, source string, in CertificateRequest) (Certificate, error)
	// KnownHosts returns the lines by which ssh recognises the door and the targets behind it.
	KnownHosts(ctx context.Context) ([]string, error)
}

//go:embed openapi.json
var openAPI []byte

func (s *Server) v1Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+certificatesPath, s.certificates)
	mux.HandleFunc("GET /v1/known_hosts", s.knownHosts)
	mux.HandleFunc("POST "+ticketsPath, s.closeTicket)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(openAPI) // the client may be gone
	})
	mux.HandleFunc("GET /v1/policy.schema.json", s.policySchema)
	s.v1AccessRoutes(mux)
}

// policySchema answers GET /v1/policy.schema.json, for editors.
func (s *Server) policySchema(w http.ResponseWriter, r *http.Request) {
	text, err := schema.Text()
	if err != nil {
		s.refuse(w, r, id.New(id.Request, s.cfg.Now()), err)
		return
	}
	w.Header().Set("Content-Type", "application/schema+json; charset=utf-8")
	_, _ = w.Write(text) // the client may be gone
}

const certificatesPath = "/v1/certificates"

// bodyLimit is how many bytes of a request's body are read.
func bodyLimit(path string) int64 {
	if path == certificatesPath {
		return maxV1Body
	}
	return maxBody
}

// certificates answers POST /v1/certificates.
func (s *Server) certificates(w http.ResponseWriter, r *http.Request) {
	request := id.New(id.Request, s.cfg.Now())
	if !s.enrolling.allow(sourceOf(r)) {
		s.refuse(w, r, request, &APIError{Code: "rate_limited", Text: "too many requests from this address"})
		return
	}
	in, err := readCertificateRequest(r)
	if err != nil {
		s.refuse(w, r, request, err)
		return
	}
	out, err := s.cfg.Enrolments.Enrol(r.Context(), request, sourceOf(r), in)
	if err != nil {
		s.refuse(w, r, request, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// readCertificateRequest reads a body strictly: one JSON object of known names, each once.
func readCertificateRequest(r *http.Request) (CertificateRequest, error) {
	var in CertificateRequest
	err := readV1(r, &in)
	return in, err
}

// readV1 reads a body into the struct that v points to, strictly.
func readV1(r *http.Request, v any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return &APIError{Code: "bad_request", Text: "the body's Content-Type must be application/json"}
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &APIError{Code: "body_too_large", Text: "the request is larger than any that makes sense"}
	}
	if err != nil {
		return &APIError{Code: "bad_request", Text: "the body ended early"}
	}
	if err := decodeStrict(body, v); err != nil {
		return &APIError{Code: "bad_request", Text: "the body is not what is described under /v1/openapi.json: " + err.Error()}
	}
	return nil
}

func (s *Server) knownHosts(w http.ResponseWriter, r *http.Request) {
	request := id.New(id.Request, s.cfg.Now())
	if !s.enrolling.allow(sourceOf(r)) {
		s.refuse(w, r, request, &APIError{Code: "rate_limited", Text: "too many requests from this address"})
		return
	}
	lines, err := s.cfg.Enrolments.KnownHosts(r.Context())
	if err != nil {
		s.refuse(w, r, request, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // the client may be gone
}

// answers says of each code which status it has and what whoever asked can do. A code that is not listed is a refusal by policy.
var answers = map[string]struct {
	status int
	hint   string
}{
	"bad_request":    {http.StatusBadRequest, ""},
	"not_found":      {http.StatusNotFound, "the addresses are described under /v1/openapi.json"},
	"body_too_large": {http.StatusRequestEntityTooLarge, ""},
	"cross_origin":   {http.StatusForbidden, "this is for programs, not for other sites' pages"},
	"rate_limited":   {http.StatusTooManyRequests, "wait a few seconds, then try again"},
	"busy":           {http.StatusServiceUnavailable, "nothing was used up; try again in a few seconds"},

	"too_large":       {http.StatusRequestEntityTooLarge, "send the token itself, of 16 KiB at most"},
	"malformed":       {http.StatusBadRequest, "send the token as the issuer gave it"},
	"alg_not_allowed": {http.StatusUnauthorized, "have the issuer sign with RS256, PS256, ES256 or EdDSA"},
	"unknown_key":     {http.StatusUnauthorized, "get a new token; the issuer does not publish this one's key"},
	"bad_signature":   {http.StatusUnauthorized, "get a new token from the issuer"},
	"wrong_issuer":    {http.StatusUnauthorized, "use a token of an issuer that the policy names"},
	"wrong_audience":  {http.StatusUnauthorized, "ask the issuer for a token with the audience that the policy names"},
	"expired":         {http.StatusUnauthorized, "get a new token, and use it at once"},
	"not_yet_valid":   {http.StatusUnauthorized, "compare the clocks of the issuer and of Gatehouse"},
	"too_long":        {http.StatusUnauthorized, "ask the issuer for a token that lives for a shorter time"},
	"actor":           {http.StatusUnauthorized, "ask whoever made the token what its act claim says"},
	"bad_join_token":  {http.StatusUnauthorized, "ask an administrator for a new one: gatehouse join-token create"},
	"replayed":        {http.StatusConflict, "get a new token; each is good for one certificate"},
	"signed_out":      {http.StatusUnauthorized, "sign in with a browser; agents ask over ssh"},
	"bad_ticket":      {http.StatusUnauthorized, "sign the time, a dot and the body with the shared secret, and send it at once"},
	"not_allowed":     {http.StatusForbidden, "ask whoever keeps the policy"},

	"issuer_unreachable": {http.StatusServiceUnavailable, "nothing was used up; try again when the issuer can be reached from Gatehouse"},
	"issuer_untrusted":   {http.StatusServiceUnavailable, "the operator compares the issuer's roots: in the policy"},
	"issuer_lying":       {http.StatusServiceUnavailable, "the operator compares the issuer's url: and hosts: in the policy"},
	"misconfigured":      {http.StatusServiceUnavailable, "the operator finds the cause by the id"},
	"full":               {http.StatusServiceUnavailable, "the operator finds the cause by the id"},
	"evidence":           {http.StatusServiceUnavailable, "nothing was issued; the operator finds the cause by the id"},
	"unavailable":        {http.StatusServiceUnavailable, ""},
	"internal":           {http.StatusInternalServerError, "the operator finds the cause by the id"},

	// RFC 8628, section 3.5.
	"authorization_pending": {http.StatusBadRequest, "ask again after the interval"},
	"slow_down":             {http.StatusBadRequest, "wait 5 seconds longer from now on"},
	"access_denied":         {http.StatusBadRequest, "begin again"},
	"expired_token":         {http.StatusBadRequest, "begin again"},
}

// refuse answers a program's request that does not get what it asked for.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, request string, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there any more
	}
	var why *APIError
	if !errors.As(err, &why) {
		why = &APIError{Code: "internal", Text: "something went wrong here; it is not your fault"}
	}
	a, listed := answers[why.Code]
	if !listed {
		a = answers["not_allowed"]
	}
	if a.status >= http.StatusInternalServerError {
		s.cfg.Log.Error("request failed", "error_id", request, "path", console.Visible(r.URL.Path), "code", why.Code, "error", err)
	}
	if why.Code == "rate_limited" || why.Code == "busy" {
		w.Header().Set("Retry-After", "3")
	}
	writeJSON(w, a.status, APIError{Code: why.Code, Text: why.Text, Hint: a.hint, ID: request})
}

// refuseV1 answers what went wrong before any handler for programs was reached.
func (s *Server) refuseV1(w http.ResponseWriter, r *http.Request, err error) {
	why := &APIError{Code: "internal", Text: "something went wrong here; it is not your fault"}
	switch {
	case errors.Is(err, errNoPage):
		why = &APIError{Code: "not_found", Text: "there is nothing under this address, or not with this method"}
	case errors.Is(err, errCrossOrigin):
		why = &APIError{Code: "cross_origin", Text: "the request came from another site's page"}
	default:
		if known := apiErrorOf(err, s.cfg.Now()); known != nil {
			why = known
			break
		}
		s.cfg.Log.Error("request failed", "path", console.Visible(r.URL.Path), "error", err)
	}
	s.refuse(w, r, id.New(id.Request, s.cfg.Now()), why)
}
