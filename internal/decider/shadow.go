package decider

import (
	"context"
	"fmt"
	"sync"

	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// maxShadowed bounds how many sessions are remembered whose difference has been noted.
const maxShadowed = 1024

// shadow is a proposed policy that decides beside the one in force, without effect: where it would have decided otherwise, the
// audit log says so. Its zero value has no policy.
type shadow struct {
	mu      sync.Mutex
	policy  *policy.Policy
	problem string              // why it is not used; noted once
	noted   map[string]struct{} // sessions
}

// loadShadow reads the shadow policy. What is wrong with it is said once, and changes nothing else.
func (d *Decider) loadShadow(ctx context.Context) {
	if d.cfg.Shadow == "" {
		return
	}
	files, err := ReadPolicy(d.cfg.Shadow)
	var pol *policy.Policy
	if err == nil {
		pol, err = policy.Parse(files)
	}
	if err != nil {
		d.shadowFault(ctx, err.Error())
		return
	}
	d.shadow.mu.Lock()
	defer d.shadow.mu.Unlock()
	if d.shadow.policy == nil || d.shadow.policy.Hash() != pol.Hash() {
		d.cfg.Log.Info("shadow policy decides beside the one in force, without effect", "policy", pol.Hash())
	}
	d.shadow.policy, d.shadow.problem = pol, ""
}

// shadowFault takes the shadow policy out of use.
func (d *Decider) shadowFault(ctx context.Context, problem string) {
	d.shadow.mu.Lock()
	known := d.shadow.problem == problem
	d.shadow.policy, d.shadow.problem = nil, problem
	d.shadow.mu.Unlock()
	if known {
		return
	}
	d.cfg.Log.Warn("shadow policy is not used", "problem", problem)
	_ = d.append(ctx, audit.Entry{Type: audit.PolicyShadow, Outcome: "fault", Reason: cut(problem, maxText)}) // has been logged
}

// compareShadow notes where the shadow policy decides a request otherwise than the policy in force did, once a session. e is what the
// log says of that decision. Nothing that happens here changes it: a failure of the log meets the decision's own entry too.
func (d *Decider) compareShadow(ctx context.Context, e audit.Entry, r policy.Request, inForce policy.Decision) {
	if d.cfg.Shadow == "" || inForce.Verdict == policy.Look {
		return
	}
	defer func() {
		if v := recover(); v != nil { // whatever a policy that nobody has approved does, the one in force decides
			d.shadowFault(ctx, fmt.Sprintf("it failed on a request: %v", v))
		}
	}()
	d.shadow.mu.Lock()
	pol := d.shadow.policy
	d.shadow.mu.Unlock()
	if pol == nil {
		return
	}
	proposed := pol.Decide(shadowRequest(pol, r))
	if proposed.Verdict == inForce.Verdict || !d.shadow.first(e.Session) {
		return
	}
	proposed.Plan, proposed.Nearest, proposed.Probes = nil, nil, nil
	e.Type, e.Policy, e.Object, e.Reason, e.Rule = audit.PolicyShadow, pol.Hash(), "", "", ""
	e.Outcome = string(inForce.Verdict)
	e.Data = data(map[string]any{"plan": r.Plan, "pty": r.PTY, "env": r.Env, "labels": r.Labels, "rules": inForce.Rules, "code": inForce.Code, "proposed": proposed})
	if len(e.Data) > audit.MaxData {
		e.Data = data(map[string]any{"bytes": len(e.Data), "code": inForce.Code, "proposed": policy.Decision{Verdict: proposed.Verdict, Code: proposed.Code}})
	}
	_ = d.append(ctx, e)
}

// shadowRequest is a request as the shadow policy would meet it: what it does not know of the target it takes as it is written,
// and variables that it refuses are left out, as the policy in force leaves them out.
func shadowRequest(pol *policy.Policy, r policy.Request) policy.Request {
	if id, ok := pol.Identity(r.Identity.Kind, r.Identity.Name, r.Identity.Task); ok {
		r.Identity.Owner = id.Owner
	}
	r.Env, _ = pol.SplitEnv(r)
	r.Facts.Assume = true
	return r
}

// first reports whether nothing has been noted of a session. A session's question may come more than once, with more known.
func (s *shadow) first(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.noted[session]; known {
		return false
	}
	if s.noted == nil || len(s.noted) >= maxShadowed {
		s.noted = map[string]struct{}{} // at the bound a difference may be noted twice
	}
	s.noted[session] = struct{}{}
	return true
}
