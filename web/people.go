package web

import (
	"context"
	"net/http"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// SignIns is the decider as the sign-in pages see it. It verifies everything; the pages only carry. All methods are safe for
// concurrent use, and audited when they return. Refusals are *account.RefusedError, with a line for the person, and
// account.ErrCeremony for what was used, has expired or began in another browser.
type SignIns interface {
	// Redeem turns a one-time token into a sign-in. An unknown, used or expired token is console.ErrLinkUsed.
	Redeem(ctx context.Context, token, source string) (account.SignedIn, error)
	// SignOut ends the sign-in of that cookie; an unknown one is no error.
	SignOut(ctx context.Context, cookie string) error
	// SignInWays says whether there can be passkeys, and with which issuers people sign in.
	SignInWays(ctx context.Context) (passkeys bool, issuers []string, err error)
	// BeginPasskey begins a sign-in, or with a sign-in the registration of another passkey.
	BeginPasskey(ctx context.Context, who console.Credential) (account.Ceremony, error)
	// SignInByPasskey ends one with what the authenticator answered.
	SignInByPasskey(ctx context.Context, ceremony string, answer []byte, source string) (account.SignedIn, error)
	// BeginOIDC begins a sign-in with an issuer.
	BeginOIDC(ctx context.Context, issuer string) (account.Ceremony, error)
	// SignInByOIDC ends one with what the issuer sent the browser back with.
	SignInByOIDC(ctx context.Context, ceremony, issuer, state, code, source string) (account.SignedIn, error)
}

// Accounts is the decider as a person's own page sees it, on the terms of SignIns. A sign-in that has ended is console.ErrSignedOut.
type Accounts interface {
	Account(ctx context.Context, who console.Credential) (account.Account, error)
	AddPasskey(ctx context.Context, who console.Credential, ceremony, name string, answer []byte) (account.Passkey, error)
	NamePasskey(ctx context.Context, who console.Credential, id, name string) error
	RemovePasskey(ctx context.Context, who console.Credential, id string) error
	SignOutAll(ctx context.Context, who console.Credential) error
}

// Devices is the decider as the logins of programs see it, on the terms of SignIns.
type Devices interface {
	// BeginDevice begins a login for a key, one line as ssh-keygen writes it. A refusal is *APIError without an ID.
	BeginDevice(ctx context.Context, publicKey, name, source string) (account.DeviceCodes, error)
	// ShowDevice returns the login that waits under a code, and counts codes that are wrong.
	ShowDevice(ctx context.Context, who console.Credential, userCode string) (account.Device, error)
	// AnswerDevice confirms or declines it, once.
	AnswerDevice(ctx context.Context, who console.Credential, userCode string, confirm bool) error
}

func (s *Server) peopleRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/sign-in/passkey/begin", s.passkeyBegin)
	mux.HandleFunc("POST /api/sign-in/passkey", s.passkeySignIn)
	mux.HandleFunc("POST /sign-in/oidc/{issuer}", s.oidcBegin)
	mux.HandleFunc("GET /sign-in/oidc/{issuer}", s.oidcReturn)
	mux.HandleFunc("POST /sign-in/oidc/{issuer}/finish", s.oidcFinish)
	mux.HandleFunc("GET /account", s.known(s.accountPage))
	mux.HandleFunc("POST /api/account/passkeys/begin", s.signedIn(s.passkeyAddBegin))
	mux.HandleFunc("POST /api/account/passkeys", s.signedIn(s.passkeyAdd))
	mux.HandleFunc("POST /account/passkeys/{id}/name", s.signedIn(s.passkeyName))
	mux.HandleFunc("POST /account/passkeys/{id}/remove", s.signedIn(s.passkeyRemove))
	mux.HandleFunc("POST /account/sign-out", s.signedIn(s.signOutAll))
	mux.HandleFunc("GET /device", s.devicePage)
	mux.HandleFunc("POST /device", s.signedIn(s.deviceAnswer))
	mux.HandleFunc("POST "+devicePath, s.deviceBegin)
}

// The short cookies. Each is bound to the browser: script cannot read them, and other sites cannot send them along.
const (
	ceremonyCookie = "ceremony" // the secret of what is under way
	nextCookie     = "next"     // the code of a program's login that waits for this sign-in
)

// setShort sets one of the short cookies for as long as a ceremony lasts; an empty value drops it.
func (s *Server) setShort(w http.ResponseWriter, name, value string) {
	c := http.Cookie{Name: s.cookieName() + "-" + name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: s.origin.Scheme == "https", MaxAge: 300}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, &c)
}

// short reads one, empty if there is none.
func (s *Server) short(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName() + "-" + name)
	if err != nil || len(c.Value) > maxToken {
		return ""
	}
	return c.Value
}

// welcome gives a browser its new sign-in, ends the one that it replaces, and returns where to go on.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request, in account.SignedIn) (next string) {
	if old := s.cookie(r); old != "" {
		if err := s.cfg.SignIns.SignOut(r.Context(), old); err != nil {
			s.cfg.Log.Warn("sign out the replaced sign-in", "error", err)
		}
	}
	s.cfg.Log.Info("signed in", "person", in.Person, "source", sourceOf(r))
	s.setCookie(w, http.Cookie{Value: in.Cookie, Expires: in.Expires})
	s.setShort(w, ceremonyCookie, "")
	code := s.short(r, nextCookie)
	switch {
	case in.Setup:
		return "/account"
	case userCode.MatchString(code):
		s.setShort(w, nextCookie, "")
		return "/device?user_code=" + code
	}
	return s.wanted(w, r)
}
