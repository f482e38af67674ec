package shell_test

import (
	"os"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
	"gatehouse/policy/command"
)

// TestThePolicyManualIsTrue runs the policies of docs/policy.md with their tests, and its table of patterns.
func TestThePolicyManualIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, patterns := 0, 0
	for i, block := range strings.Split(string(text), "```yaml\n") {
		if yaml, _, ok := strings.Cut(block, "```"); ok && i > 0 {
			tests += runManualPolicy(t, yaml)
		}
	}
	_, table, _ := strings.Cut(string(text), "| pattern | admits | denies |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) == 5 && strings.Contains(line, "`") {
			patterns++
			checkManualPattern(t, cell(cells[1]), cell(cells[2]), cell(cells[3]))
		}
	}
	if tests < 10 || patterns < 7 {
		t.Errorf("found only %d tests and %d patterns", tests, patterns)
	}
}

func cell(text string) string {
	return strings.Trim(strings.ReplaceAll(text, "\x00", "|"), " `")
}

func runManualPolicy(t *testing.T, yaml string) int {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "docs/policy.md", Data: []byte(yaml)}})
	if err != nil {
		t.Error(err)
		return 0
	}
	results := p.RunTests(shell.Parse)
	for _, r := range results {
		if r.Problem != "" {
			t.Errorf("%s: %s", r.Test.Run, r.Problem)
		}
	}
	return len(results)
}

func checkManualPattern(t *testing.T, pattern, admitted, refused string) {
	t.Helper()
	p, err := command.Parse(pattern, nil)
	if err != nil {
		t.Errorf("%s: %v", pattern, err)
		return
	}
	for line, want := range map[string]bool{admitted: true, refused: false} {
		plan, err := shell.Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if p.Match(plan.Argv, command.View{}).Matched != want {
			t.Errorf("%s: the manual says that %q matches: %v", pattern, line, want)
		}
	}
}
