package policy

import "gatehouse/policy/command"

// targetMatch describes targets by name, by labels, or by both.
type targetMatch struct {
	name   string            // a glob; empty: any
	labels map[string]string // globs that the target's labels must match; a label that it lacks matches nothing
}

func (m targetMatch) matches(target string, labels map[string]string) bool {
	if m.name != "" && !command.MatchName(m.name, target) {
		return false
	}
	for key, glob := range m.labels {
		value, ok := labels[key]
		if !ok || !command.MatchName(glob, value) {
			return false
		}
	}
	return true
}

// readTargets reads the targets of a role: names, or mappings with a name, labels or both.
func readTargets(v value) []targetMatch {
	var list []targetMatch
	for _, item := range v.list() {
		if !item.isMapping() {
			if text, ok := item.checked(validTargetGlob, globShape); ok {
				list = append(list, targetMatch{name: text})
			}
			continue
		}
		var m targetMatch
		item.fields(map[string]func(value){
			"name":   func(v value) { m.name, _ = v.checked(validTargetGlob, globShape) },
			"labels": func(v value) { m.labels = readLabels(v) },
		})
		if m.name == "" && len(m.labels) == 0 {
			item.problem("%s describes no target: give it a name or labels", item.what)
			continue
		}
		list = append(list, m)
	}
	return list
}

func readLabels(v value) map[string]string {
	labels := map[string]string{}
	for _, f := range v.mapping() {
		if text, ok := f.checked(validLabelGlob, labelShape); ok {
			labels[f.key] = text
		}
	}
	return labels
}
