package audit

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// The bounds of what is gathered about approvals.
const (
	maxApproved   = 64  // requests and grants of one bundle
	maxOfApprover = 256 // enrolments of the approvers' passkeys, and who was away, the newest of each
)

// approvals are the requests and grants that a bundle is about, and the people in them.
type approvals struct {
	ids    map[string]bool // "ar_…", "gr_…"
	people map[string]bool // "person:…", who voted or in whose place
}

func newApprovals() approvals { return approvals{map[string]bool{}, map[string]bool{}} }

// note takes the ids that an entry names: what a decision ran by, what a grant was made from, what was voted on. It reports whether the
// entry is about one of those that are known.
func (a *approvals) note(e Entry) (about bool) {
	var d struct {
		Grants  []string `json:"grants"`
		Request string   `json:"request"` // of a decision: the id; of others an object, which does not decode
	}
	switch e.Type {
	case Decision, Forward:
		_ = json.Unmarshal(e.Data, &d) // what does not decode names nothing
		return slices.ContainsFunc(append(d.Grants, d.Request), func(id string) bool { return a.ids[id] })
	case AccessRequest, AccessVote, AccessGrant, AccessReview, AccessPreview, TargetLook:
		if !a.ids[e.Object] {
			return false
		}
		a.named(e)
		return true
	}
	return false
}

// named takes what an entry about a grant or a vote names besides its object.
func (a *approvals) named(e Entry) {
	var d struct {
		Grant struct {
			Request string `json:"request"`
		} `json:"grant"`
		Vote struct {
			By  string `json:"by"`
			For string `json:"for"`
		} `json:"vote"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	a.id(d.Grant.Request)
	for _, name := range []string{d.Vote.By, d.Vote.For} {
		if name != "" && len(a.people) < maxApproved {
			a.people["person:"+name] = true
		}
	}
}

func (a *approvals) id(id string) {
	if id != "" && len(a.ids) < maxApproved {
		a.ids[id] = true
	}
}

// ranBy takes the grants of a decision, and the request that it waited for.
func (a *approvals) ranBy(e Entry) {
	var d struct {
		Grants  []string `json:"grants"`
		Request string   `json:"request"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	for _, id := range append(d.Grants, d.Request) {
		a.id(id)
	}
}

// grantsOf takes the grant that was made from a known request.
func (a *approvals) grantsOf(e Entry) {
	var d struct {
		Grant struct {
			Request string `json:"request"`
		} `json:"grant"`
	}
	if e.Type == AccessGrant && json.Unmarshal(e.Data, &d) == nil && a.ids[d.Grant.Request] {
		a.id(e.Object)
	}
}

// ofRequest takes what is about one request, to begin a bundle that is about no session.
func (g *gathered) ofRequest(ctx context.Context, dir string, size int64, request string) error {
	g.access.id(request)
	err := g.each(ctx, dir, size, [][]byte{[]byte(request)}, func(e Entry, _ []byte) error {
		if makesRequest(e, request) && g.begun < 0 {
			g.begun, g.actor = e.Seq, e.Actor
		}
		return nil
	})
	return err
}

// ofApprovals takes what is about the requests and grants that are known by then, the decisions that ran by them, and then what ties the
// approvers' keys to them.
func (g *gathered) ofApprovals(ctx context.Context, dir string, size int64) error {
	if len(g.access.ids) == 0 {
		return nil
	}
	for before := -1; before != len(g.access.ids); {
		before = len(g.access.ids)
		err := g.each(ctx, dir, size, quoted(g.access.ids), func(e Entry, line []byte) error {
			g.access.grantsOf(e)
			if !g.access.note(e) {
				return nil
			}
			keep(g.policy, e.Policy)
			return g.take(e, line)
		})
		if err != nil {
			return err
		}
	}
	return g.ofApprovers(ctx, dir, size)
}

// ofApprovers takes the enrolments of their passkeys, and who answered in whose place.
func (g *gathered) ofApprovers(ctx context.Context, dir string, size int64) error {
	var enrolled, away []found
	err := g.each(ctx, dir, size, [][]byte{[]byte(`"type":"enrol"`), []byte(`"type":"access.away"`)}, func(e Entry, line []byte) error {
		var d struct {
			Passkeys string `json:"passkeys"`
			Away     struct {
				Who string `json:"who"`
			} `json:"away"`
		}
		if json.Unmarshal(e.Data, &d) != nil {
			return nil
		}
		switch {
		case e.Type == Enrol && d.Passkeys != "" && g.access.people[e.Object]:
			enrolled = newest(enrolled, e.Seq, line, maxOfApprover)
		case e.Type == AccessAway && g.access.people["person:"+d.Away.Who]:
			away = newest(away, e.Seq, line, maxOfApprover)
		}
		return nil
	})
	for _, f := range append(enrolled, away...) {
		if err == nil {
			err = g.take(Entry{Seq: f.seq}, f.line)
		}
	}
	return err
}

// makesRequest reports whether an entry says what a request is about: it is the first about it.
func makesRequest(e Entry, request string) bool {
	var d struct {
		Request []byte `json:"request"`
	}
	return e.Type == AccessRequest && e.Object == request && json.Unmarshal(e.Data, &d) == nil && len(d.Request) > 0
}

// isRequest reports whether an id is a request's, which a bundle may be about in a session's place.
func isRequest(id string) bool { return strings.HasPrefix(id, "ar_") }
