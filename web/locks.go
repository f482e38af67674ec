package web

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy/access"
)

var lockKinds = []access.LockKind{access.LockAgent, access.LockPerson, access.LockSession, access.LockConnection, access.LockTask, access.LockTarget, access.LockOwner, access.LockGroup,
	access.LockRule, access.LockEverything}

type locksView struct {
	Locks []access.Lock
	Kinds []access.LockKind
	Form  lockForm
}

// lockForm is a lock as somebody wrote it.
type lockForm struct {
	Kind, Value, Reason, Until string
	Problem                    string
}

func (s *Server) locksPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	q := r.URL.Query()
	return s.showLocks(w, r, who, http.StatusOK, lockForm{Kind: cutTo(q.Get("kind"), 16), Value: cutTo(q.Get("value"), 256)})
}

func (s *Server) showLocks(w http.ResponseWriter, r *http.Request, who console.Credential, status int, form lockForm) error {
	locks, err := s.cfg.Access.Locks(r.Context(), who)
	if err != nil {
		return err
	}
	s.render(w, r, status, "locks", page{Title: "Locks", Nav: "locks", Body: locksView{locks, lockKinds, form}})
	return nil
}

func (s *Server) lockSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	v := r.PostFormValue
	form := lockForm{Kind: v("kind"), Value: strings.TrimSpace(v("value")), Reason: v("reason"), Until: v("until")}
	order, err := s.lockOrder(form)
	var report console.LockReport
	if err == nil {
		report, err = s.cfg.Access.Lock(r.Context(), who, order)
	}
	if err == nil {
		s.render(w, r, http.StatusOK, "locked", page{Title: "Locked", Nav: "locks", Body: report})
		return nil
	}
	p := problemOf(err, s.cfg.Now())
	if p.Status != http.StatusBadRequest {
		return err
	}
	form.Problem = p.Text
	return s.showLocks(w, r, who, p.Status, form)
}

func (s *Server) lockOrder(f lockForm) (console.LockOrder, error) {
	order := console.LockOrder{What: access.Subject{Kind: access.LockKind(f.Kind), Value: f.Value}}
	if !slices.Contains(lockKinds, order.What.Kind) {
		return order, console.NewUsageError("say what is to be locked")
	}
	if order.What.Kind == access.LockEverything {
		order.What.Value = ""
	} else if order.What.Value == "" {
		return order, console.NewUsageError("say which " + f.Kind + " is to be locked")
	}
	var err error
	if order.Reason, err = lineOf(f.Reason, "say in one line why; whoever meets the lock reads it"); err != nil {
		return order, err
	}
	order.Until, err = untilOf(f.Until, s.cfg.Now())
	return order, err
}

func (s *Server) liftSubmit(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	name, err := accessID(r, id.Lock)
	if err != nil {
		return err
	}
	reason, err := lineOf(r.PostFormValue("reason"), "say in one line why it can be lifted")
	if err != nil {
		return err
	}
	if _, err := s.cfg.Access.Unlock(r.Context(), who, name, reason); err != nil {
		return err
	}
	http.Redirect(w, r, "/locks", http.StatusSeeOther)
	return nil
}
