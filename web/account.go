package web

import (
	"net/http"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// accountView is a person's own page.
type accountView struct {
	account.Account
	CanAdd bool // this origin can have passkeys
	Few    bool // fewer than two ways in
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
