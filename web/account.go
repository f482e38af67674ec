package web

import (
	"net/http"
	"slices"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// accountView is a person's own page.
type accountView struct {
	account.Account
	CanAdd bool // this origin can have passkeys
	Few    bool // fewer than two ways in

	Tried   bool // one of the passkeys has verified the person
	Covered bool // somebody answers in the person's place
}

func (s *Server) accountPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	a, err := s.cfg.Accounts.Account(r.Context(), who)
	if err != nil {
		return err
	}
	passkeys, _, err := s.cfg.SignIns.SignInWays(r.Context())
	if err != nil {
		return err
	}
	view := accountView{Account: a, CanAdd: passkeys, Few: passkeys && len(a.Passkeys) < 2}
	view.Tried = slices.ContainsFunc(a.Passkeys, func(k account.Passkey) bool { return !k.Used.IsZero() })
	view.Covered = slices.ContainsFunc(a.Aways, func(x access.Away) bool { return x.Who == a.Person })
	s.render(w, r, http.StatusOK, "account", page{Title: "Your account", Nav: "account", By: console.Actor{Principal: "person:" + a.Person}, Body: view})
	return nil
}

func (s *Server) passkeyName(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if err := s.cfg.Accounts.NamePasskey(r.Context(), who, r.PathValue("id"), r.PostFormValue("name")); err != nil {
		return err
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

func (s *Server) passkeyRemove(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if err := s.cfg.Accounts.RemovePasskey(r.Context(), who, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

func (s *Server) signOutAll(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	if err := s.cfg.Accounts.SignOutAll(r.Context(), who); err != nil {
		return err
	}
	s.dropCookie(w)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
