package decider

import (
	"context"
	"errors"
	"slices"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// granted are the roles that an identity holds for a time on a target, as policy wants to know them.
func (d *Decider) granted(who policy.Identity, target string, login policy.Login) []policy.Granted {
	if !d.access.Holds(who.Principal()) {
		return nil
	}
	return grantedOf(d.access.Roles(requester(who), target, login))
}

// reaches reports whether a role of the identity, of the policy's or held for a time, grants a target with a login.
func (d *Decider) reaches(pol *policy.Policy, who policy.Identity, target string, labels map[string]string, login string) bool {
	return pol.ReachesAs(d.asking(who, target, labels, policy.Login(login)))
}

// asking is a question about a target, with the roles that the identity holds there for a time.
func (d *Decider) asking(who policy.Identity, target string, labels map[string]string, login policy.Login) policy.Request {
	return policy.Request{Identity: who, Target: target, Labels: labels, Login: login, Now: d.cfg.Now(), Granted: d.granted(who, target, login)}
}

// grantedOf are the roles of grants.
func grantedOf(grants []access.Grant) []policy.Granted {
	var list []policy.Granted
	for _, g := range grants {
		if g.Scope.Role != "" && g.Scope.Kind != access.PatternScope {
			list = append(list, policy.Granted{ID: g.ID, Role: g.Scope.Role, Targets: g.Scope.Targets, Login: g.Scope.Login, Glass: g.Scope.Glass})
		}
	}
	return list
}

// hold gives a session that is about to begin the grants that it will run by.
func (d *Decider) hold(s *session, names []string) error {
	for _, name := range names {
		g, ok := d.access.Grant(name)
		if !ok {
			return errSpent
		}
		s.grants = append(s.grants, g)
	}
	return nil
}

// errSpent says that a grant was used up or ended while a decision was made by it.
var errSpent = refuse("what was approved for it was used or has ended meanwhile; ask again")

// use makes the entries of a decision durable, and with them that each of its grants is used once more.
func (d *Decider) use(ctx context.Context, grants []string, decision, session string, entries ...audit.Entry) error {
	if len(grants) == 0 {
		return d.append(ctx, entries...)
	}
	d.nameDelegation(entries)
	err := d.access.Use(ctx, grants, privilege.By{Decision: decision, Session: session}, entries...)
	if errors.Is(err, access.ErrRefused) || errors.Is(err, access.ErrNotFound) {
		return errSpent
	}
	d.nudgeAccess()
	return err
}

// strict makes what runs by a broken glass recorded whole, whatever its role says.
func (d *Decider) strict(dec *policy.Decision) {
	if dec.Recording == policy.BestEffort && d.byGlass(dec.Grants) {
		dec.Recording = policy.Strict
	}
}

// lend decides a command that is denied once more, by the role of a grant for one command: it lends the role to exactly that command. A
// look that the role needs is made; what comes of it, is compared.
func (d *Decider) lend(r *ruling) {
	if r.out.Decision.Verdict != policy.Deny || !d.access.Holds(r.who.Principal()) {
		return
	}
	for _, g := range d.access.Commands(requester(r.who), r.in.Target, r.req.Login) {
		if g.Scope.Role == "" {
			continue
		}
		req := r.req
		req.Granted = append(slices.Clone(req.Granted), policy.Granted{ID: g.ID, Role: g.Scope.Role, Targets: g.Scope.Targets, Login: g.Scope.Login})
		dec := r.pol.Decide(req)
		switch {
		case dec.Verdict == policy.Look:
			r.out.Decision = dec
			return
		case dec.Plan != nil && lentTo(g, r, dec):
			dec.Mode = policy.Pinned
			r.req, r.out.Decision = req, dec
			return
		}
	}
}

// lentTo reports whether a grant is for the command of a decision: as it is in the end, or as it was asked where that was approved.
func lentTo(g access.Grant, r *ruling, dec policy.Decision) bool {
	final := access.Command{Plan: *dec.Plan, Env: r.req.Env, PTY: terminalOf(&r.req, dec), Stdin: inputOf(&r.req, dec), Mode: policy.Pinned, Files: dec.Files(r.in.Facts)}
	asked := final
	asked.Plan, asked.Files = r.in.Plan, nil
	return g.Scope.Command.Same(final) || g.Scope.Command.Same(asked)
}

// withGranted adds to the roles that a session runs by those that its identity holds now.
func withGranted(held, now []policy.Granted) []policy.Granted {
	for _, g := range now {
		if !slices.ContainsFunc(held, func(h policy.Granted) bool { return h.ID == g.ID }) {
			held = append(held, g)
		}
	}
	return held
}

// useForFile notes the decision about a file. A grant that its session does not run by yet is used once by it, for all of its files.
func (d *Decider) useForFile(ctx context.Context, r *fileRuling) error {
	var fresh []access.Grant
	var names []string
	for _, name := range r.dec.Grants {
		if slices.ContainsFunc(r.session.grants, func(g access.Grant) bool { return g.ID == name }) {
			continue
		}
		g, ok := d.access.Grant(name)
		if !ok {
			return errSpent
		}
		fresh, names = append(fresh, g), append(names, name)
	}
	if len(fresh) == 0 {
		return d.append(ctx, r.entry())
	}
	if !d.tryGrants(r.in.Session, fresh) {
		return refuse("no such transfer")
	}
	err := d.use(ctx, names, r.out.ID, r.in.Session, r.entry())
	d.tried(r.in.Session, fresh, err == nil)
	return err
}

// tryGrants makes a session end with grants that it is about to use.
func (d *Decider) tryGrants(name string, grants []access.Grant) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.carrier(name)
	if s == nil {
		return false
	}
	s.trying = append(slices.Clip(s.trying), grants...)
	return true
}

// tried gives a session the grants that it tried, if it could use them.
func (d *Decider) tried(name string, grants []access.Grant, used bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.carrier(name)
	if s == nil {
		return
	}
	for _, g := range grants {
		same := func(x access.Grant) bool { return x.ID == g.ID }
		if i := slices.IndexFunc(s.trying, same); i >= 0 { // one of perhaps several files at once
			s.trying = slices.Delete(slices.Clone(s.trying), i, i+1)
		}
		if used && !slices.ContainsFunc(s.grants, same) {
			s.grants = append(slices.Clip(s.grants), g)
		}
	}
}
