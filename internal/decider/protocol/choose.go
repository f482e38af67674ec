package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxCandidates bounds how many targets an AmbiguousError names.
const maxCandidates = 8

// maxSelector bounds the conditions of a selector.
const maxSelector = 8

// ErrNoTarget says that no target has the name, the alias or the labels.
var ErrNoTarget = errors.New("there is no such target")

// AmbiguousError says that labels describe several targets.
type AmbiguousError struct {
	Selector   string
	Candidates []string // names, sorted; not all of many
	More       int      // how many more there are
}

func (e *AmbiguousError) Error() string {
	more := ""
	if e.More > 0 {
		more = fmt.Sprintf(" and %d more", e.More)
	}
	return fmt.Sprintf("%q describes %d targets: %s%s; name one of them, or add a label", e.Selector, len(e.Candidates)+e.More, strings.Join(e.Candidates, ", "), more)
}

// IsSelector reports whether a word describes a target by labels: KEY=VALUE, several joined by commas.
func IsSelector(word string) bool { return strings.Contains(word, "=") }

// ChooseTarget finds the one target that a word means: its name, one of its aliases, or labels that it alone has, "env=prod,role=db".
// A name comes before an alias. The errors are ErrNoTarget, *AmbiguousError, and what is wrong with a selector; as they tell names, targets is to
// hold only those that whoever asks may know of.
func ChooseTarget(targets []Target, word string) (Target, error) {
	if IsSelector(word) {
		return chooseByLabels(targets, word)
	}
	for _, means := range []func(Target) bool{
		func(t Target) bool { return t.Name == word },
		func(t Target) bool { return slices.Contains(t.Aliases, word) },
	} {
		if i := slices.IndexFunc(targets, means); i >= 0 {
			return targets[i], nil
		}
	}
	return Target{}, ErrNoTarget
}

func chooseByLabels(targets []Target, selector string) (Target, error) {
	wanted, err := parseSelector(selector)
	if err != nil {
		return Target{}, err
	}
	var found []Target
	for _, t := range targets {
		if hasLabels(t, wanted) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return Target{}, ErrNoTarget
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, t := range found {
		names[i] = t.Name
	}
	slices.Sort(names)
	shown := names[:min(len(names), maxCandidates)]
	return Target{}, &AmbiguousError{selector, shown, len(names) - len(shown)}
}

// parseSelector reads "env=prod,role=db". Values are compared as they are: there are no globs.
func parseSelector(text string) (map[string]string, error) {
	wanted := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		if _, twice := wanted[key]; key == "" || value == "" || twice || len(wanted) == maxSelector {
			return nil, fmt.Errorf("%q does not choose a target: write LABEL=VALUE, or up to %d such joined by commas, as in env=prod,role=db", text, maxSelector)
		}
		wanted[key] = value
	}
	return wanted, nil
}

func hasLabels(t Target, wanted map[string]string) bool {
	for key, value := range wanted {
		if t.Labels[key] != value {
			return false
		}
	}
	return true
}
