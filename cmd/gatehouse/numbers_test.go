package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	aNumber     = regexp.MustCompile(`\bgatehouse_[a-z_]+[a-z]\b`)
	aLiteral    = regexp.MustCompile(`"(gatehouse_[a-z_]+[a-z])"`)
	ofHistogram = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// numbersInSource are the names of the numbers that the program has.
func numbersInSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range []string{"../../cmd", "../../bastion", "../../internal", "../../recorder", "../../web"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range aLiteral.FindAllStringSubmatch(string(text), -1) {
				names[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// TestNumbersAreThere: every number that the alert rules, the dashboard and the documentation name exists, and every number that
// exists is documented.
func TestNumbersAreThere(t *testing.T) {
	names := numbersInSource(t)
	docs := ""
	for _, path := range []string{"../../packaging/prometheus/alerts.yaml", "../../packaging/grafana/gatehouse.json", "../../docs/operations.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs = string(text) // the last one
		for _, name := range aNumber.FindAllString(docs, -1) {
			if !names[name] && !names[ofHistogram.ReplaceAllString(name, "")] {
				t.Errorf("%s names %s, which there is not", path, name)
			}
		}
	}
	var missing []string
	for name := range names {
		if !strings.Contains(docs, "| `"+name) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 || len(names) < 30 {
		t.Errorf("%d numbers; docs/operations.md has no row for %s", len(names), strings.Join(missing, " "))
	}
}

// TestAlertsAndDashboard: Prometheus takes the rules, and the dashboard is JSON whose panels all ask something.
func TestAlertsAndDashboard(t *testing.T) {
	if out, err := exec.Command("promtool", "check", "rules", "../../packaging/prometheus/alerts.yaml").CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	text, err := os.ReadFile("../../packaging/grafana/gatehouse.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || len(board.Panels) < 10 {
		t.Fatalf("%d panels, %v", len(board.Panels), err)
	}
	for _, p := range board.Panels {
		if p.Title == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %q asks nothing", p.Title)
		}
	}
}
