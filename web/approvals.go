package web

import (
	"net/http"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// approvalsView is the queue.
type approvalsView struct {
	Mine    []access.Request // that the person can answer, oldest first
	Others  []access.Request // that wait for other people, oldest first
	NoKey   bool             // the person has no passkey to approve with
	Partial bool             // there may be more than are shown
}

// approvalsPage shows what waits, and for whom.
func (s *Server) approvalsPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	mine, more, err := s.cfg.Access.Requests(r.Context(), who, console.AccessFilter{Answer: true})
	if err != nil {
		return err
	}
	all, moreOthers, err := s.cfg.Access.Requests(r.Context(), who, console.AccessFilter{State: access.Pending})
	if err != nil {
		return err
	}
	noKey, err := s.keyless(r.Context(), who)
	if err != nil {
		return err
	}
	a := s.navs.get(who.SignIn)
	a.waits, a.waitsAt = len(mine), s.cfg.Now()
	s.navs.put(who.SignIn, a)
	view := approvalsView{Mine: oldestFirst(mine), Others: without(oldestFirst(all), mine), NoKey: noKey, Partial: more != "" || moreOthers != ""}
	s.render(w, r, http.StatusOK, "approvals", page{Title: "Approvals", Nav: "approvals", Body: view})
	return nil
}

// oldestFirst turns a page that is newest first.
func oldestFirst(newest []access.Request) []access.Request {
	out := make([]access.Request, len(newest))
	for i, q := range newest {
		out[len(newest)-1-i] = q
	}
	return out
}

// without leaves out those that are elsewhere.
func without(list, elsewhere []access.Request) []access.Request {
	known := map[string]bool{}
	for _, q := range elsewhere {
		known[q.ID] = true
	}
	var out []access.Request
	for _, q := range list {
		if !known[q.ID] {
			out = append(out, q)
		}
	}
	return out
}
