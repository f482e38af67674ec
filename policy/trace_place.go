package policy

// PlaceTrace is an entry of a role's files or forward, and whether it is about what is asked.
type PlaceTrace struct {
	Role  string `json:"role"` // in which it stands
	List  string `json:"list"` // "read", "write", "deny", "forward"
	Text  string `json:"text"` // as the policy has it
	Meets bool   `json:"meets"`
}

// TraceFile compares an operation on a file with every entry of the files that its protocol may carry, of the roles that reach the target. Like
// Trace it decides nothing.
func (p *Policy) TraceFile(r Request, f FileAsk) []PlaceTrace {
	home := r.home()
	above := f.Op == OpStat || f.Op == OpList || f.Op == OpReadlink
	var traces []PlaceTrace
	p.eachReaching(&r, func(a applied) {
		for _, section := range a.carried(f.By) {
			for _, direction := range []Direction{FileRead, FileWrite} {
				for _, rule := range section.of(direction) {
					meets := rule.glob.Matches(home, f.Path) || f.To != "" && rule.glob.Matches(home, f.To) || above && rule.glob.ReachesBelow(home, f.Path)
					traces = append(traces, PlaceTrace{section.role, string(direction), rule.text, meets})
				}
			}
		}
		for _, section := range a.files { // they close paths whatever carries them
			for i := range section.deny {
				d := &section.deny[i]
				traces = append(traces, PlaceTrace{d.role, string(DenyRule), d.text, f.meets(d, home)})
			}
		}
	})
	return traces
}

// TraceForward compares an endpoint with every entry of the forward lists of the roles that reach the target.
func (p *Policy) TraceForward(r Request, f ForwardAsk) []PlaceTrace {
	var traces []PlaceTrace
	p.eachReaching(&r, func(a applied) {
		for _, rule := range a.forwards {
			traces = append(traces, PlaceTrace{a.name, "forward", rule.text, f.malformed() == "" && rule.reaches(f)})
		}
	})
	return traces
}

// eachReaching calls see for each role that reaches the target, at whatever time and under whatever condition.
func (p *Policy) eachReaching(r *Request, see func(applied)) {
	for _, h := range p.holdings(r) {
		if h.reaches(r.Target, r.Labels, r.Login) {
			see(applied{role: h.role, grant: h.grant})
		}
	}
}
