package policy

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

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

// String is the description as a person would say it: "web-*", "web-* with env=prod".
func (m targetMatch) String() string {
	labels := make([]string, 0, len(m.labels))
	for _, key := range slices.Sorted(maps.Keys(m.labels)) {
		labels = append(labels, key+"="+m.labels[key])
	}
	switch {
	case len(labels) == 0:
		return m.name
	case m.name == "":
		return "any with " + strings.Join(labels, ", ")
	}
	return m.name + " with " + strings.Join(labels, ", ")
}

func describeTargets(list []targetMatch) []string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.String()
	}
	return texts
}

// example is a target that matches.
func (m targetMatch) example() TargetExample {
	fill := strings.NewReplacer("*", "1", "?", "1")
	e := TargetExample{Name: fill.Replace(m.name)}
	if e.Name == "" {
		e.Name = "any"
	}
	for key, glob := range m.labels {
		if e.Labels == nil {
			e.Labels = map[string]string{}
		}
		e.Labels[key] = fill.Replace(glob)
	}
	return e
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
