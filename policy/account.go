package policy

import "slices"

// SignInIssuers returns the names of the issuers with which some person may sign in, in order.
func (p *Policy) SignInIssuers() []string {
	var names []string
	for _, s := range p.people {
		if s.oidc.issuer != "" && !s.disabled && !slices.Contains(names, s.oidc.issuer) {
			names = append(names, s.oidc.issuer)
		}
	}
	slices.Sort(names)
	return names
}

// HasAccount reports whether a person may sign in with an issuer.
func (p *Policy) HasAccount(person string) bool {
	s := p.people[person]
	return s != nil && s.oidc.issuer != ""
}
