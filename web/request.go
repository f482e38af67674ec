package web

import (
	"encoding/json"
	"net/http"
	"slices"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// requestView is a request with all that helps to decide it.
type requestView struct {
	console.AccessView
	Lines   []planLine // of a command
	Odd     string     // what a reader may overlook in it
	Passkey bool       // the person can approve here
	SSH     bool       // or by a signature
	Own     bool       // it is the person's own, or of an agent of theirs: it can be withdrawn
	Door    string     // how ssh reaches the console
}

// requestPage shows a request. It changes nothing: a link from a notification leads here.
func (s *Server) requestPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	v, err := s.cfg.Access.Request(r.Context(), who, name)
	if err != nil {
		return err
	}
	view := requestView{AccessView: v, Passkey: v.Answer && slices.Contains(v.Ways, "passkey"), SSH: v.Answer && slices.Contains(v.Ways, "ssh"), Door: s.origin.Hostname()}
	view.Denials = slices.DeleteFunc(view.Denials, func(d console.AccessDenial) bool { return d.Code == string(policy.CodeNeedsApproval) }) // it waits, like this one
	if c := v.Request.Scope.Command; c != nil {
		view.Lines = planLines(c.Plan)
		view.Odd = oddWords(view.Lines)
	}
	if a, err := s.actor(r.Context(), who); err == nil {
		view.Own = a.Principal != "" && (a.Principal == v.Request.By.Principal || a.Principal == v.Request.By.Owner)
	}
	s.render(w, r, http.StatusOK, "request", page{Title: requestTitle(v.Request), Nav: "approvals", Body: view})
	return nil
}

// requestTitle is what a browser's tab shows of a request.
func requestTitle(q access.Request) string {
	text := []rune(console.Visible(scopeText(q.Scope)))
	if len(text) > 60 {
		text = append(text[:59], '…')
	}
	return string(text)
}

// declineSubmit says no, with words.
func (s *Server) declineSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	words, err := lineOf(r.PostFormValue("words"), "say in one line why not; whoever asked reads it")
	if err != nil {
		return err
	}
	if _, err := s.cfg.Access.Answer(r.Context(), who, console.AccessAnswer{Request: name, Words: words}); err != nil {
		return err
	}
	s.navs.stale(who.SignIn)
	http.Redirect(w, r, "/requests/"+name, http.StatusSeeOther)
	return nil
}

// withdrawSubmit ends a request of one's own.
func (s *Server) withdrawSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Access.Withdraw(r.Context(), who, name, r.PostFormValue("words")); err != nil {
		return err
	}
	http.Redirect(w, r, "/requests/"+name, http.StatusSeeOther)
	return nil
}

// apiChallenge begins a yes: what the authenticator is to sign. It gives nothing.
func (s *Server) apiChallenge(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	if _, err := jsonBody(r); err != nil {
		return err
	}
	c, err := s.cfg.Access.Challenge(r.Context(), who, name, nil, "passkey")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c)
	return nil
}

// approval is what the page's script sends: the challenge and what the authenticator answered.
type approval struct {
	Challenge string          `json:"challenge"`
	Assertion json.RawMessage `json:"assertion"`
	Words     string          `json:"words,omitempty"`
}

// apiApprove says yes. Without an answer of the authenticator there is no yes; whether the answer is good for this request, the
// decider says.
func (s *Server) apiApprove(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Access)
	if err != nil {
		return err
	}
	in, err := readApproval(r)
	if err != nil {
		return err
	}
	answer := console.AccessAnswer{Request: name, Yes: true, Words: in.Words, Challenge: in.Challenge, Assertion: in.Assertion}
	if _, err := s.cfg.Access.Answer(r.Context(), who, answer); err != nil {
		return err
	}
	s.navs.stale(who.SignIn)
	writeJSON(w, http.StatusOK, goOn{"/requests/" + name})
	return nil
}

func readApproval(r *http.Request) (approval, error) {
	body, err := jsonBody(r)
	if err != nil {
		return approval{}, err
	}
	var in approval
	if json.Unmarshal(body, &in) != nil || in.Challenge == "" || len(in.Assertion) == 0 || string(in.Assertion) == "null" {
		return approval{}, errBadRequest
	}
	return in, nil
}
