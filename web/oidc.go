package web

import (
	"net/http"

	"gatehouse/internal/account"
)

// maxParameter bounds what an issuer sends a browser back with.
const maxParameter = 4096

// oidcBegin leads to an issuer. It answers with a page that has a link: a redirect to another site is not what a form here may do
// (form-action), and nothing begins on a GET.
func (s *Server) oidcBegin(w http.ResponseWriter, r *http.Request) {
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	c, err := s.cfg.SignIns.BeginOIDC(r.Context(), r.PathValue("issuer"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.setShort(w, ceremonyCookie, c.Secret)
	s.render(w, r, http.StatusOK, "oidc", page{Title: "Sign in", Nav: "sign-in", Body: oidcView{Issuer: r.PathValue("issuer"), URL: c.URL}})
}

// oidcView is a step on the way to an issuer, or back.
type oidcView struct {
	Issuer, URL string
	State, Code string // on the way back
}

// oidcReturn is where the issuer sends the browser. It changes nothing: its page sends what came along on as a form, which only
// this browser's own cookie makes good.
func (s *Server) oidcReturn(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	view := oidcView{Issuer: r.PathValue("issuer"), State: q.Get("state"), Code: q.Get("code")}
	if why := q.Get("error"); why != "" {
		s.fail(w, r, &account.RefusedError{Reason: "the issuer did not sign you in: " + why[:min(len(why), 100)]})
		return
	}
	if view.State == "" || view.Code == "" || len(view.State) > maxParameter || len(view.Code) > maxParameter {
		s.fail(w, r, errBadRequest)
		return
	}
	s.render(w, r, http.StatusOK, "oidc", page{Title: "Sign in", Nav: "sign-in", Body: view})
}

func (s *Server) oidcFinish(w http.ResponseWriter, r *http.Request) {
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	in, err := s.cfg.SignIns.SignInByOIDC(r.Context(), s.short(r, ceremonyCookie), r.PathValue("issuer"), r.PostFormValue("state"), r.PostFormValue("code"), sourceOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, s.welcome(w, r, in), http.StatusSeeOther)
}
