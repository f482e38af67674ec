package access

import (
	"testing"
	"time"

	"gatehouse/policy"
)

// What a grant covers is its requester's, on its targets, with its login, and nothing more.
func TestCovering(t *testing.T) {
	by := someRequest().By
	grant := func(id string, s Scope) Grant {
		return Grant{ID: id, By: by, Scope: s, Made: noon, Ends: noon.Add(time.Hour)}
	}
	pattern := func(role, words string) Scope {
		return Scope{Kind: PatternScope, Targets: []string{"web-1", "web-2"}, Login: "deploy", Role: role, Pattern: words, Seconds: 3600}
	}
	b := NewBook(Change{Grants: []Grant{
		grant("gr_c", Scope{Kind: CommandScope, Targets: []string{"web-1"}, Login: "deploy", Command: someCommand(), Uses: 1, Seconds: 3600}),
		grant("gr_p", pattern("web", "systemctl restart <unit>")), grant("gr_q", pattern("web", "id")),
		grant("gr_r", Scope{Kind: RoleScope, Targets: []string{"web-1"}, Login: "deploy", Role: "web", Seconds: 3600}),
	}})
	other := *someCommand()
	other.PTY = true
	restart, id, foreign := AskedRule{"web", "systemctl restart <unit>"}, AskedRule{"web", "id"}, AskedRule{"db", "id"}
	for name, c := range map[string]struct {
		alter func(w *Wanted)
		want  string
	}{
		"the command":                 {func(*Wanted) {}, "gr_c"},
		"another command":             {func(w *Wanted) { w.Command = &other }, ""},
		"another command, by a rule":  {func(w *Wanted) { w.Command, w.Rules = &other, []AskedRule{restart} }, "gr_p"},
		"by two rules":                {func(w *Wanted) { w.Command, w.Rules = &other, []AskedRule{restart, id, restart} }, "gr_p gr_q"},
		"one of two rules":            {func(w *Wanted) { w.Command, w.Rules = &other, []AskedRule{restart, foreign} }, ""},
		"another role's rule":         {func(w *Wanted) { w.Command, w.Rules = nil, []AskedRule{foreign} }, ""},
		"no command and no rule":      {func(w *Wanted) { w.Command = nil }, ""},
		"another target":              {func(w *Wanted) { w.Target = "web-2" }, ""},
		"another target, by a rule":   {func(w *Wanted) { w.Target, w.Rules = "web-2", []AskedRule{id} }, "gr_q"},
		"a target of nobody":          {func(w *Wanted) { w.Target, w.Rules = "web-3", []AskedRule{id} }, ""},
		"another login":               {func(w *Wanted) { w.Login, w.Rules = "root", []AskedRule{id} }, ""},
		"another agent":               {func(w *Wanted) { w.By.Principal, w.Rules = "agent:other", []AskedRule{id} }, ""},
		"another task":                {func(w *Wanted) { w.By.Task, w.Rules = "T-2", []AskedRule{id} }, ""},
		"another owner":               {func(w *Wanted) { w.By.Owner, w.Rules = "person:ann", []AskedRule{id} }, ""},
		"work that was handed on":     {func(w *Wanted) { w.By.Delegation, w.Rules = "person:bob", []AskedRule{id} }, ""},
		"a name that begins likewise": {func(w *Wanted) { w.By.Principal, w.Rules = "agent:bo", []AskedRule{id} }, ""},
	} {
		w := Wanted{By: by, Target: "web-1", Login: "deploy", Command: someCommand()}
		c.alter(&w)
		grants, ok := b.Covering(noon, w)
		got := ""
		for _, g := range grants {
			got = join(got, g.ID)
		}
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: covered by %q, %v", name, got, ok)
		}
	}
	if _, ok := b.Covering(noon.Add(time.Hour), Wanted{By: by, Target: "web-1", Login: "deploy", Command: someCommand()}); ok {
		t.Error("covered after its time")
	}
}

func join(list, word string) string {
	if list == "" {
		return word
	}
	return list + " " + word
}

// Asked without a book, it is the same: what has expired is not answered, and nobody stands in before or after their time.
func TestMayAnswerByItself(t *testing.T) {
	o := someOrg()
	r := Prepare(o, noon, someRequest())
	away := []Away{{Who: "cid", To: "hal", From: noon.Add(time.Minute), Until: noon.Add(2 * time.Minute)}}
	for at, want := range map[time.Duration]bool{0: false, time.Minute: true, 2 * time.Minute: false} {
		if instead, why := MayAnswer(o, r, "hal", away, noon.Add(at)); (why == "") != want || want && instead != "cid" {
			t.Errorf("after %s: %q, %q", at, instead, why)
		}
	}
	if _, why := MayAnswer(o, r, "cid", nil, r.Expires); why == "" {
		t.Error("what has expired is answered")
	}
	r.Need = []policy.Approval{{From: []string{"sre"}}}
	if met, _ := Ready(o, r); met {
		t.Error("a threshold of nobody is met by nobody")
	}
}
