package web

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
)

// page is what every template gets.
type page struct {
	Title  string
	Nav    string        // which entry of the navigation this page is
	By     console.Actor // empty for someone who is not signed in
	Player bool          // the page needs the player's policy and script
	Body   any

	// Set by render.
	Assets    string
	Now       time.Time
	Waits     int  // requests that wait for the person
	ManyWaits bool // and there are more
}

// May says whether the person has a right, so that a page does not offer what would be refused.
func (p page) May(right string) bool { return slices.Contains(p.By.Rights, right) }

// pages are the parsed templates, by name.
type pages struct {
	by map[string]*template.Template
}

var pageNames = []string{"overview", "sessions", "session", "transcript", "search", "kill", "killed", "paused", "signin", "oidc", "account", "device", "audit", "error",
	"approvals", "request", "requests", "request-new", "break-glass", "grants", "locks", "locked", "panic", "alerts"}

func loadPages() (*pages, error) {
	p := &pages{by: map[string]*template.Template{}}
	for _, name := range pageNames {
		t, err := template.New("layout.html").Funcs(functions()).ParseFS(content,
			"ui/templates/layout.html", "ui/templates/parts.html", "ui/templates/access-parts.html", "ui/templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse template %s: %w", name, err)
		}
		p.by[name] = t
	}
	return p, nil
}

// functions are what templates call. Everything foreign goes through visible, and then through html/template.
func functions() template.FuncMap {
	all := template.FuncMap{
		"visible": console.Visible,
		"took":    console.Took,
		"ago":     console.Ago,
		"stamp":   console.Stamp,
		"offset":  console.Offset,
		"ended":   console.EndText,
		"chain":   console.ChainText,
		"bytes":   console.Bytes,
		"outcome": console.Outcome,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"exact":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"name":    func(principal string) string { return principal[strings.IndexByte(principal, ':')+1:] },
		"kind":    func(principal string) string { return principal[:max(0, strings.IndexByte(principal, ':'))] },
		"tone":    tone,
		"join":    func(words policy.Argv) string { return strings.Join(words, " ") },
		"way":     way,
		"row":     func(s console.Session, now time.Time) rowView { return rowView{s, now} },
	}
	maps.Copy(all, accessFunctions())
	return all
}

// way says how somebody signed in.
func way(by string) string {
	switch by {
	case "setup":
		return "set-up link"
	case "link":
		return "link from ssh"
	}
	return strings.TrimPrefix(by, "oidc:")
}

// rowView is a session in a table, with the time that ages are counted from.
type rowView struct {
	console.Session
	Now time.Time
}

// tone is the colour and icon that a session's outcome is shown with; the word stands beside it.
func tone(s console.Session) string {
	switch {
	case s.State == "live":
		return "live"
	case s.State == "denied" || s.State == "killed" || s.State == "failed" || s.State == "interrupted":
		return s.State
	case s.Signal != "" || s.Exit != nil && *s.Exit != 0:
		return "nonzero"
	default:
		return "ok"
	}
}

// render writes a page whole or not at all.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Assets, p.Now = s.assets.base(), s.cfg.Now().UTC()
	s.surround(r, &p)
	var buf bytes.Buffer
	if err := s.pages.by[name].Execute(&buf, p); err != nil {
		s.cfg.Log.Error("render page", "page", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	setPolicy(w, p.Player)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(buf.Bytes())
	}
}
