package policy

import "slices"

func (a applied) grantsGoverned() bool { return a.governed && !a.denyOnly }

// orGoverned is a denial, unless a governed shell reads the line instead: each of its commands is decided by itself then, so that a
// deny rule too is met where the command that it is about is reached. Where a recorded shell is granted, that one is all there is.
func orGoverned(roles []applied, r *Request, no Decision) Decision {
	if no.Verdict != Deny || slices.ContainsFunc(roles, applied.grantsShell) {
		return no
	}
	if shell := governedShell(roles, r); shell.Verdict == Allow {
		return shell
	}
	return no
}

// governedShell decides what a governed shell is to read: only a role with shell: governed admits it. Of several the strictest limits
// hold. The line is the client's own, and bounded as one that a shell on the target would be given.
func governedShell(roles []applied, r *Request) Decision {
	d := Decision{Verdict: Allow, Mode: Plain, Stdin: StdinData, Recording: BestEffort}
	for _, role := range roles {
		if role.grantsGoverned() {
			d.Rules = append(d.Rules, role.name+"/shell")
			d.Obligations = d.Obligations.tighten(role.limits)
			if !role.lenient {
				d.Recording = Strict
			}
		}
	}
	line := r.Plan
	if line.Op != OpShell {
		line = shellLine(r)
	}
	if len(d.Rules) == 0 || line.Validate() != nil {
		return deny(CodeNotAllowed, noShell)
	}
	d.Rules = []string{slices.Min(d.Rules)}
	d.Plan = &Plan{Op: OpGoverned, Text: line.Text}
	return d
}

// Governed reports whether the decision is that a governed shell reads the line: nothing of it is given to a target.
func (d Decision) Governed() bool {
	return d.Verdict == Allow && d.Plan != nil && d.Plan.Op == OpGoverned
}
