package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
)

// filterForm is the filter as the form and the address have it.
type filterForm struct {
	State, Who, Target, Since, Before string
}

var spans = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

const maxField = 100

// readFilter takes the filter from a query. What it does not understand is an error, not ignored: a reviewer must not take a
// narrower list for a wider one.
func readFilter(q url.Values, now time.Time) (filterForm, store.Filter, error) {
	form := filterForm{q.Get("state"), strings.TrimSpace(q.Get("who")), strings.TrimSpace(q.Get("target")), q.Get("since"), q.Get("before")}
	f := store.Filter{Identity: form.Who, Target: form.Target, Before: form.Before, Limit: 50}
	switch store.State(form.State) {
	case "", store.Live, store.Ended, store.Denied, store.Killed, store.Failed, store.Interrupted:
		f.State = store.State(form.State)
	default:
		return form, f, errBadRequest
	}
	if form.Since != "" {
		span, ok := spans[form.Since]
		if !ok {
			return form, f, errBadRequest
		}
		f.Since = now.Add(-span)
	}
	if len(form.Who) > maxField || len(form.Target) > maxField || len(form.Before) > maxField {
		return form, f, errBadRequest
	}
	if form.Who != "" && !strings.Contains(form.Who, ":") {
		f.Identity = "agent:" + form.Who
	}
	return form, f, nil
}

// query is the address of the same filter from another cursor.
func (f filterForm) query(before string) string {
	q := url.Values{}
	for _, kv := range [][2]string{{"state", f.State}, {"who", f.Who}, {"target", f.Target}, {"since", f.Since}, {"before", before}} {
		if kv[1] != "" {
			q.Set(kv[0], kv[1])
		}
	}
	return "/sessions?" + q.Encode()
}

// Narrowed says whether anything is filtered.
func (f filterForm) Narrowed() bool { return f.State+f.Who+f.Target+f.Since != "" }

type sessionsView struct {
	Form     filterForm
	Sessions []console.Session
	First    string // the address of the first page, if this is another
	Next     string
	Mark     string
}

func (s *Server) overviewPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	o, err := s.cfg.Console.Overview(r.Context(), who)
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "overview", page{Title: "Overview", Nav: "overview", By: o.By, Body: o})
	return nil
}

func (s *Server) sessionsPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	form, filter, err := readFilter(r.URL.Query(), s.cfg.Now())
	if err != nil {
		return err
	}
	list, err := s.cfg.Console.List(r.Context(), who, filter)
	if err != nil {
		return err
	}
	view := sessionsView{Form: form, Sessions: list.Sessions, Mark: list.Mark}
	if form.Before != "" {
		view.First = form.query("")
	}
	if list.Next != "" {
		view.Next = form.query(list.Next)
	}
	s.render(w, r, http.StatusOK, "sessions", page{Title: "Sessions", Nav: "sessions", By: list.By, Body: view})
	return nil
}
