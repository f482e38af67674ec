package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
)

func (s *Server) accessRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /approvals", s.known(s.approvalsPage))
	mux.HandleFunc("GET /requests", s.known(s.requestsPage))
	mux.HandleFunc("GET /requests/new", s.certain(s.newRequestPage))
	mux.HandleFunc("POST /requests", s.signedIn(s.newRequestSubmit))
	mux.HandleFunc("GET /requests/{id}", s.known(s.requestPage))
	mux.HandleFunc("POST /requests/{id}/decline", s.signedIn(s.declineSubmit))
	mux.HandleFunc("POST /requests/{id}/withdraw", s.signedIn(s.withdrawSubmit))
	mux.HandleFunc("POST /api/requests/{id}/challenge", s.signedIn(s.apiChallenge))
	mux.HandleFunc("POST /api/requests/{id}/approve", s.signedIn(s.apiApprove))
	mux.HandleFunc("GET /break-glass", s.certain(s.glassPage))
	mux.HandleFunc("POST /api/break-glass/challenge", s.signedIn(s.apiGlassChallenge))
	mux.HandleFunc("POST /api/break-glass", s.signedIn(s.apiGlass))
	mux.HandleFunc("GET /grants", s.known(s.grantsPage))
	mux.HandleFunc("POST /grants/{id}/end", s.signedIn(s.grantEndSubmit))
	mux.HandleFunc("POST /grants/{id}/review", s.signedIn(s.grantReviewSubmit))
	mux.HandleFunc("GET /locks", s.known(s.locksPage))
	mux.HandleFunc("POST /locks", s.signedIn(s.lockSubmit))
	mux.HandleFunc("POST /locks/{id}/lift", s.signedIn(s.liftSubmit))
	mux.HandleFunc("GET /panic", s.signedIn(s.panicPage))
	mux.HandleFunc("POST /panic", s.signedIn(s.panicSubmit))
	mux.HandleFunc("POST /account/away", s.signedIn(s.awaySubmit))
}

// accessID is the id in a page's address. What could not be one names nothing, and is not asked for.
func accessID(r *http.Request, prefix id.Prefix) (string, error) {
	got := r.PathValue("id")
	rest, ok := strings.CutPrefix(got, string(prefix)+"_")
	if !ok || rest == "" || len(rest) > 26 || strings.Trim(rest, "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz") != "" {
		return "", errNoPage
	}
	return got, nil
}

// untilOf reads when something ends: a duration from now, or a time as RFC 3339 has it; empty is no end.
func untilOf(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := durationOf(text); err == nil {
		return now.Add(d).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, console.NewUsageError("write how long as 30m, 8h or 2d, or until when as 2026-11-30T10:00:00Z")
	}
	return at.UTC(), nil
}

// durationOf reads 90s, 30m, 8h or 2d.
func durationOf(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, console.NewUsageError("write how long as 30m, 8h or 2d")
	}
	return d, nil
}
