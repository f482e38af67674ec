package web

import (
	"net/http"
	"net/url"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy/access"
)

// grantsView is what is held now, what wants a review, and what was held.
type grantsView struct {
	Live   []access.Grant
	Review []access.Grant // break-glass that has ended
	Ended  []access.Grant // everything else that has
	Next   string
	Later  bool // this is not the first page
}

// grantsPage lists grants.
func (s *Server) grantsPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	before := r.URL.Query().Get("before")
	if len(before) > 64 {
		return errBadRequest
	}
	view := grantsView{Later: before != ""}
	if before == "" {
		live, _, err := s.cfg.Access.Grants(r.Context(), who, console.AccessFilter{Live: true})
		if err != nil {
			return err
		}
		view.Live = live
	}
	all, next, err := s.cfg.Access.Grants(r.Context(), who, console.AccessFilter{Before: before})
	if err != nil {
		return err
	}
	for _, g := range all {
		switch {
		case g.Ended.IsZero():
		case g.Scope.Glass:
			view.Review = append(view.Review, g)
		default:
			view.Ended = append(view.Ended, g)
		}
	}
	if next != "" {
		view.Next = "/grants?before=" + url.QueryEscape(next)
	}
	s.render(w, r, http.StatusOK, "grants", page{Title: "Grants", Nav: "grants", Body: view})
	return nil
}

func (s *Server) grantEndSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Grant)
	if err != nil {
		return err
	}
	words, err := lineOf(r.PostFormValue("reason"), "say in one line why it ends; whoever holds it reads it")
	if err != nil {
		return err
	}
	if _, err := s.cfg.Access.EndGrants(r.Context(), who, name, words); err != nil {
		return err
	}
	http.Redirect(w, r, "/grants", http.StatusSeeOther)
	return nil
}

func (s *Server) grantReviewSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Grant)
	if err != nil {
		return err
	}
	words, err := lineOf(r.PostFormValue("words"), "say in one line what you found")
	if err != nil {
		return err
	}
	if _, err := s.cfg.Access.Review(r.Context(), who, name, words); err != nil {
		return err
	}
	http.Redirect(w, r, "/grants", http.StatusSeeOther)
	return nil
}
