package web

import (
	"net/http"
	"strings"

	"gatehouse/internal/console"
)

// maxToken bounds what is taken for a one-time token.
const maxToken = 256

// cookieName has the prefix that binds the cookie to this host and to TLS, except over http://localhost, where browsers refuse it.
func (s *Server) cookieName() string {
	if s.origin.Scheme == "https" {
		return "__Host-gatehouse"
	}
	return "gatehouse"
}

func (s *Server) setCookie(w http.ResponseWriter, c http.Cookie) {
	c.Name, c.Path, c.HttpOnly, c.SameSite = s.cookieName(), "/", true, http.SameSiteLaxMode
	c.Secure = s.origin.Scheme == "https"
	http.SetCookie(w, &c)
}

func (s *Server) dropCookie(w http.ResponseWriter) { s.setCookie(w, http.Cookie{MaxAge: -1}) }

// cookie returns the sign-in cookie, empty if there is none.
func (s *Server) cookie(r *http.Request) string {
	c, err := r.Cookie(s.cookieName())
	if err != nil || len(c.Value) > maxToken {
		return ""
	}
	return c.Value
}

// asPerson is a handler for someone with a cookie. What the cookie is worth, the decider says when a verb is authorised.
type asPerson func(w http.ResponseWriter, r *http.Request, who console.Credential) error

func (s *Server) signedIn(next asPerson) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cookie := s.cookie(r)
		if cookie == "" {
			s.fail(w, r, console.ErrSignedOut)
			return
		}
		if err := next(w, r, console.Credential{SignIn: cookie}); err != nil {
			s.fail(w, r, err)
		}
	}
}

// signInView is the sign-in page.
type signInView struct {
	Again    bool // the browser is signed in already
	Passkeys bool
	Issuers  []string
	Device   bool // a program's login waits for this
}

// signInPage offers what there is. The form for links is filled by the page's script from the fragment and sent; without script it
// takes the code by hand. Someone who has a cookie is asked before another sign-in replaces it.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) {
	passkeys, issuers, err := s.cfg.SignIns.SignInWays(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view := signInView{Again: s.cookie(r) != "", Passkeys: passkeys, Issuers: issuers}
	if code := r.URL.Query().Get("device"); userCode.MatchString(code) {
		view.Device = true
		s.setShort(w, nextCookie, code)
	}
	s.render(w, r, http.StatusOK, "signin", page{Title: "Sign in", Nav: "sign-in", Body: view})
}

func (s *Server) signInSubmit(w http.ResponseWriter, r *http.Request) {
	if !s.tries.allow(sourceOf(r)) {
		s.fail(w, r, errTooMany)
		return
	}
	token := strings.TrimSpace(r.PostFormValue("token"))
	if i := strings.LastIndexByte(token, '#'); i >= 0 {
		token = token[i+1:] // the whole link was pasted
	}
	if token == "" || len(token) > maxToken {
		s.fail(w, r, errBadRequest)
		return
	}
	in, err := s.cfg.SignIns.Redeem(r.Context(), token, sourceOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, s.welcome(w, r, in), http.StatusSeeOther)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie := s.cookie(r); cookie != "" {
		if err := s.cfg.SignIns.SignOut(r.Context(), cookie); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.navs.forget(s.cookie(r))
	s.dropCookie(w)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
