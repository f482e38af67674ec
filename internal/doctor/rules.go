package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

func policyChecks() []Check {
	return []Check{
		{"policy.invalid", "the policy on disk is valid and in force", policyInvalid},
		{"policy.empty", "the policy allows something", policyEmpty},
		{"policy.idle", "every agent has a role", policyIdle},
		{"policy.timezone", "windows say in which time zone they are", policyTimezone},
	}
}

func policyInvalid(_ context.Context, p *Patient) []Finding {
	const do = "gatehouse policy check shows every mistake with its place; gatehouse reload tells when it is in force"
	switch {
	case p.PolicyErr != nil:
		return one(Fail, do, "%v", p.PolicyErr)
	case p.Status != nil && p.Status.Problem != "":
		return one(Fail, do, "the last good policy is in force, not what is on disk: %s", p.Status.Problem)
	case p.Status != nil && p.Policy != nil && p.Status.Policy != p.Policy.Hash():
		return one(Warn, "gatehouse reload", "what is on disk is not in force yet")
	}
	return nil
}

func policyEmpty(_ context.Context, p *Patient) []Finding {
	if p.Policy == nil {
		return nil
	}
	for _, r := range p.Policy.Rules() {
		if r.Kind != "deny" {
			return nil
		}
	}
	return one(Warn, "write a role with an allow: list (docs/policy.md), and give it to an agent", "no rule allows anything: every command is denied")
}

func policyIdle(_ context.Context, p *Patient) []Finding {
	if p.Policy == nil {
		return nil
	}
	var idle []string
	for _, a := range p.Policy.Agents() {
		if !a.Disabled && len(a.Roles) == 0 {
			idle = append(idle, a.Name)
		}
	}
	if len(idle) == 0 {
		return nil
	}
	return one(Warn, "give them roles: […], or take them out", "agents without a role may do nothing: %s", strings.Join(idle, ", "))
}

// policyTimezone looks at the text: the parsed policy does not know what was left out.
func policyTimezone(_ context.Context, p *Patient) []Finding {
	if p.Kernel.Zone == "UTC" || p.Kernel.Zone == "" {
		return nil
	}
	var files []string
	for _, f := range p.PolicyText {
		var doc any
		if yaml.Unmarshal(f.Data, &doc) == nil && zoneless(doc) {
			files = append(files, f.Name)
		}
	}
	if len(files) == 0 {
		return nil
	}
	slices.Sort(files)
	return one(Warn, `write tz: "Europe/Berlin" or the like into the window, or tz: UTC if it is meant`, "windows without tz are in UTC, and this machine is in %s: %s", p.Kernel.Zone, strings.Join(files, ", "))
}

// zoneless reports whether a windows: list anywhere below has a window without tz.
func zoneless(node any) bool {
	switch n := node.(type) {
	case map[string]any:
		for key, child := range n {
			list, ok := child.([]any)
			if key == "windows" && ok && slices.ContainsFunc(list, func(w any) bool { m, ok := w.(map[string]any); return ok && m["tz"] == nil }) {
				return true
			}
			if zoneless(child) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(n, zoneless)
	}
	return false
}
