package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/recorder/search"
)

// searchForm is a search as the form and the address have it: the query itself, and filters that are added to it.
type searchForm struct {
	Query, In, Verdict, Agent, Target, Since, Session, Page string
}

// searchFilters are the form's filters by name.
func (f *searchForm) filters() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{{"in", &f.In}, {"verdict", &f.Verdict}, {"agent", &f.Agent}, {"target", &f.Target}, {"since", &f.Since}, {"session", &f.Session}}
}

func readSearch(q url.Values) searchForm {
	f := searchForm{Query: strings.TrimSpace(q.Get("q")), Page: q.Get("page")}
	for _, filter := range f.filters() {
		*filter.value = strings.TrimSpace(q.Get(filter.name))
	}
	return f
}

// text is the whole query.
func (f searchForm) text() string {
	text := f.Query
	for _, filter := range f.filters() {
		if *filter.value != "" {
			text += " " + search.Filter(filter.name, *filter.value)
		}
	}
	return text
}

// address is that of the same search from a cursor on, in a session or in all.
func (f searchForm) address(session, page string) string {
	q := url.Values{"q": {f.Query}}
	f.Session = session
	for _, filter := range f.filters() {
		if *filter.value != "" {
			q.Set(filter.name, *filter.value)
		}
	}
	if page != "" {
		q.Set("page", page)
	}
	return "/search?" + q.Encode()
}

// All is the same search in all sessions, from the beginning.
func (f searchForm) All() string { return f.address("", "") }

// First is the same search from the beginning.
func (f searchForm) First() string { return f.address(f.Session, "") }

// Within is the same search in one session.
func (f searchForm) Within(session string) string { return f.address(session, "") }

// searchView is the page of a search.
type searchView struct {
	Form    searchForm
	Asked   bool   // there is a query
	Problem string // what is wrong with it
	Found   console.Found
}

// Next is the address of the next page.
func (v searchView) Next() string {
	if v.Found.Next == "" {
		return ""
	}
	return v.Form.address(v.Form.Session, v.Found.Next)
}

func (s *Server) searchPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	v := searchView{Form: readSearch(r.URL.Query())}
	status, by := http.StatusOK, console.Actor{}
	var err error
	if text := v.Form.text(); text == "" {
		by, err = s.cfg.Console.WhoAmI(r.Context(), who)
	} else {
		v.Asked = true
		v.Found, err = s.cfg.Console.Search(r.Context(), who, text, v.Form.Page)
		by = v.Found.By
	}
	if p, ok := searchProblem(err); ok && by.Principal != "" {
		v.Problem, status, err = p.Text, p.Status, nil
	}
	if err != nil {
		return err
	}
	s.render(w, r, status, "search", page{Title: "Search", Nav: "search", By: by, Body: v})
	return nil
}

func (s *Server) apiSearch(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	form := readSearch(r.URL.Query())
	found, err := s.cfg.Console.Search(r.Context(), who, form.text(), form.Page)
	if p, ok := searchProblem(err); ok {
		writeJSON(w, p.Status, p)
		return nil
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, found)
	return nil
}

// searchProblem says whether an error is one that a person can do something about, in the form.
func searchProblem(err error) (problem, bool) {
	var query *search.QueryError
	switch {
	case errors.As(err, &query):
		return problem{Status: http.StatusBadRequest, Title: "That cannot be searched for", Text: sentence(query.Error())}, true
	case errors.Is(err, search.ErrCursor):
		return problem{Status: http.StatusBadRequest, Title: "No such page", Text: "The address names no page of a search. Search again."}, true
	case errors.Is(err, search.ErrTooWide):
		return problem{Status: http.StatusBadRequest, Title: "That takes too long", Text: sentence(search.ErrTooWide.Error())}, true
	case errors.Is(err, search.ErrOff):
		return problem{Status: http.StatusServiceUnavailable, Title: "Search is off", Text: sentence(search.ErrOff.Error())}, true
	}
	return problem{}, false
}
