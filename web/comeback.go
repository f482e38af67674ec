package web

import (
	"net/http"
	"regexp"
)

// returnCookie is one of the short cookies: which page somebody wanted when they were led to the sign-in.
const returnCookie = "return"

// ourPage is the shape of the addresses that a sign-in leads to: paths of this site with plain letters, never another site's.
var ourPage = regexp.MustCompile(`^/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,4}(\?[A-Za-z0-9_=&.:%-]*)?$`)

const maxReturn = 300

// comeBack remembers the page that was asked for until the sign-in.
func (s *Server) comeBack(w http.ResponseWriter, r *http.Request) {
	to := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	if len(to) <= maxReturn && ourPage.MatchString(to) {
		s.setShort(w, returnCookie, to)
	}
}

// wanted is where a sign-in leads: to the page that was asked for before it, else to the overview.
func (s *Server) wanted(w http.ResponseWriter, r *http.Request) string {
	to := s.short(r, returnCookie)
	if to == "" {
		return "/"
	}
	s.setShort(w, returnCookie, "")
	if len(to) > maxReturn || !ourPage.MatchString(to) {
		return "/"
	}
	return to
}
