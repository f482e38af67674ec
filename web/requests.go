package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// maxLine bounds a reason and a person's words, in characters.
const maxLine = 500

// lineOf is a line that somebody wrote. An empty one, or one that is no line, is their mistake.
func lineOf(text, mistake string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || utf8.RuneCountInString(text) > maxLine || console.Visible(text) != text {
		return "", console.NewUsageError(mistake + ", 500 characters at most")
	}
	return text, nil
}

var requestStates = []access.State{access.Pending, access.Approved, access.Declined, access.Expired, access.Withdrawn, access.Void}

// requestFilter is what the list of requests is narrowed to.
type requestFilter struct {
	State, Who, Task, Before string
}

func readRequestFilter(q url.Values) (requestFilter, console.AccessFilter, error) {
	f := requestFilter{State: q.Get("state"), Who: q.Get("who"), Task: q.Get("task"), Before: q.Get("before")}
	if f.State != "" && !slices.Contains(requestStates, access.State(f.State)) || len(f.Who)+len(f.Task)+len(f.Before) > 600 {
		return f, console.AccessFilter{}, errBadRequest
	}
	return f, console.AccessFilter{State: access.State(f.State), Who: f.Who, Task: f.Task, Before: f.Before}, nil
}

// at is the address of the page of the list that begins after before.
func (f requestFilter) at(before string) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": f.State, "who": f.Who, "task": f.Task, "before": before} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/requests"
	}
	return "/requests?" + q.Encode()
}

func (f requestFilter) Narrowed() bool { return f.State+f.Who+f.Task != "" }

type requestsView struct {
	Form     requestFilter
	States   []access.State
	Requests []access.Request
	Me       string
	Next     string
	First    string
}

// requestsPage lists requests: the person's own, of their agents, those they may answer; with the right view all.
func (s *Server) requestsPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	form, filter, err := readRequestFilter(r.URL.Query())
	if err != nil {
		return err
	}
	list, next, err := s.cfg.Access.Requests(r.Context(), who, filter)
	if err != nil {
		return err
	}
	view := requestsView{Form: form, States: requestStates, Requests: list}
	if a, err := s.actor(r.Context(), who); err == nil {
		view.Me = a.Principal
	}
	if next != "" {
		view.Next = form.at(next)
	}
	if form.Before != "" {
		view.First = form.at("")
	}
	s.render(w, r, http.StatusOK, "requests", page{Title: "Requests", Nav: "requests", Body: view})
	return nil
}

// orderForm is what somebody asks for, as they wrote it.
type orderForm struct {
	From, Role, Pattern, Targets, Login, Reason, Ticket, For, Uses string
	Problem                                                        string
}

// newRequestPage is the form for people. ?from=dn_… takes over what a denial was about.
func (s *Server) newRequestPage(w http.ResponseWriter, r *http.Request, _ console.Credential) error {
	q := r.URL.Query()
	form := orderForm{From: cutTo(q.Get("from"), 40), Role: cutTo(q.Get("role"), 128), Targets: cutTo(q.Get("target"), 256)}
	s.render(w, r, http.StatusOK, "request-new", page{Title: "Ask for access", Nav: "requests", Body: form})
	return nil
}

// cutTo is what an address may put into a form: nothing that does not show.
func cutTo(text string, n int) string {
	if len(text) > n || console.Visible(text) != text {
		return ""
	}
	return text
}

func (s *Server) newRequestSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	form := readOrderForm(r)
	order, err := form.order()
	if err == nil {
		var q access.Request
		if q, err = s.cfg.Access.Ask(r.Context(), who, order); err == nil {
			http.Redirect(w, r, "/requests/"+q.ID, http.StatusSeeOther)
			return nil
		}
	}
	p := problemOf(err, s.cfg.Now())
	if p.Status != http.StatusBadRequest && p.Status != http.StatusForbidden {
		return err
	}
	form.Problem = p.Text
	s.render(w, r, p.Status, "request-new", page{Title: "Ask for access", Nav: "requests", Body: form})
	return nil
}

func readOrderForm(r *http.Request) orderForm {
	v := r.PostFormValue
	return orderForm{From: v("from"), Role: v("role"), Pattern: v("pattern"), Targets: v("targets"), Login: v("login"), Reason: v("reason"), Ticket: v("ticket"), For: v("for"), Uses: v("uses")}
}

// order is what the form means.
func (f orderForm) order() (console.AccessOrder, error) {
	o := console.AccessOrder{From: strings.TrimSpace(f.From), Role: strings.TrimSpace(f.Role), Pattern: strings.TrimSpace(f.Pattern),
		Targets: strings.FieldsFunc(f.Targets, func(r rune) bool { return r == ',' || r == ' ' }), Login: strings.TrimSpace(f.Login), Ticket: strings.TrimSpace(f.Ticket)}
	var err error
	if o.Reason, err = lineOf(f.Reason, "say in one line what you need it for"); err != nil {
		return o, err
	}
	if strings.TrimSpace(f.For) != "" {
		if o.For, err = durationOf(f.For); err != nil {
			return o, err
		}
	}
	if uses := strings.TrimSpace(f.Uses); uses != "" {
		if o.Uses, err = strconv.ParseInt(uses, 10, 32); err != nil || o.Uses < 1 {
			return o, console.NewUsageError("write how many commands as a number")
		}
	}
	if o.From == "" && o.Role == "" {
		return o, console.NewUsageError("name a role, or the denial that you want lifted")
	}
	return o, nil
}

// glassPage is the form for break-glass: a role at once, proven by the person who asks, reviewed by others afterwards.
func (s *Server) glassPage(w http.ResponseWriter, r *http.Request, _ console.Credential) error {
	s.render(w, r, http.StatusOK, "break-glass", page{Title: "Break glass", Nav: "requests", Body: orderForm{}})
	return nil
}

// glassOrder is what the page's script sends, first without a proof.
type glassOrder struct {
	Role      string          `json:"role"`
	Targets   string          `json:"targets"`
	Login     string          `json:"login"`
	Reason    string          `json:"reason"`
	Ticket    string          `json:"ticket"`
	For       string          `json:"for"`
	Challenge string          `json:"challenge,omitempty"`
	Assertion json.RawMessage `json:"assertion,omitempty"`
}

func readGlass(r *http.Request) (console.AccessOrder, glassOrder, error) {
	body, err := jsonBody(r)
	if err != nil {
		return console.AccessOrder{}, glassOrder{}, err
	}
	var in glassOrder
	if json.Unmarshal(body, &in) != nil {
		return console.AccessOrder{}, in, errBadRequest
	}
	o, err := orderForm{Role: in.Role, Targets: in.Targets, Login: in.Login, Reason: in.Reason, Ticket: in.Ticket, For: in.For}.order()
	o.Glass = true
	return o, in, err
}

func (s *Server) apiGlassChallenge(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	order, _, err := readGlass(r)
	if err != nil {
		return err
	}
	c, err := s.cfg.Access.Challenge(r.Context(), who, "", &order, "passkey")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c)
	return nil
}

func (s *Server) apiGlass(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	order, in, err := readGlass(r)
	if err != nil {
		return err
	}
	if in.Challenge == "" || len(in.Assertion) == 0 {
		return errBadRequest
	}
	order.Proof = &console.AccessAnswer{Yes: true, Challenge: in.Challenge, Assertion: in.Assertion}
	if _, err := s.cfg.Access.Ask(r.Context(), who, order); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, goOn{"/grants"})
	return nil
}
