package lab

// about says in a sentence what a finding's rule is about.
func about(rule string) string {
	if text, ok := rules[rule]; ok {
		return text
	}
	return rule
}

// rules are the sentences, by the names that findings carry.
var rules = map[string]string{
	"test-failed":       "A test of the policy does not hold",
	"shadowed-rule":     "Another rule of the same role makes this one useless",
	"duplicate-rule":    "The same rule stands in the role twice",
	"dead-rule":         "A deny rule denies all that this rule admits",
	"role-without-user": "Nobody has the role",
	"role-without-host": "No target of the inventory is one of the role's",
	"unused-group":      "No agent is owned by the group and nothing names it",
	"unused-slot":       "No rule uses the named slot",
	"shared-login":      "Several agents use one login on a target and could tamper with each other",
	"grants-exec":       "The rule lets its holder start any program",
	"grants-load":       "The rule lets its holder load code into a program",
	"grants-write":      "The rule lets its holder write files of its choice",
	"grants-read":       "The rule lets its holder read any file of the login",
	"grants-network":    "The rule lets its holder reach other machines",

	"too-few-approvers": "Fewer people may approve something than must",
	"own-approvers":     "Those who could approve something own the agent that asks for it",
	"no-approval-key":   "An approval wants an SSH signature, and too few of those who may approve have a key",
	"unreviewed-glass":  "The policy does not say who reviews what was done in an emergency, or one person does",
	"glass-in-window":   "A role that is taken in emergencies has windows, outside of which it does nothing",
	"lent-and-held":     "A role can be asked for by those who hold it",
	"lent-budget":       "The budget of a role that is only held for a time has no effect",
	"freeze-over":       "A freeze is over",
	"freeze-no-host":    "No target of the inventory is one of the freeze's",
	"residue-no-host":   "No target and login of any role is one of those that may be looked at for what stayed",
}
