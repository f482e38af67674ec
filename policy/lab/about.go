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
}
