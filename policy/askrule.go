package policy

// AskRule returns an ask rule by its id.
func (p *Policy) AskRule(id string) (RuleTerms, bool) {
	rl := p.askRule(id)
	if rl == nil {
		return RuleTerms{}, false
	}
	return rl.askTerms(), true
}
