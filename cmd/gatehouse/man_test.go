package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/shell"

	"gatehouse/internal/clidoc"
	"gatehouse/internal/console"
)

// TestEveryVerbExplainsItself: each verb of the program and of the console has a help text and an example.
func TestEveryVerbExplainsItself(t *testing.T) {
	app, err := wholeModel()
	if err != nil {
		t.Fatal(err)
	}
	if lacking := clidoc.Lacking(app); len(lacking) > 0 {
		t.Errorf("without a help text or an example (examples.go): %q", lacking)
	}
	there, err := console.Model("ssh bastion")
	if err != nil {
		t.Fatal(err)
	}
	if lacking := clidoc.Lacking(there); len(lacking) > 0 {
		t.Errorf("the console's, without a help text or an example (internal/console/examples.go): %q", lacking)
	}
}

// TestExamplesAreLines: each example is one that the program takes. Files that it names need not be there.
func TestExamplesAreLines(t *testing.T) {
	t.Setenv("GATEHOUSE_SERVER", "https://gatehouse.example.com")
	for verb, lines := range examples {
		for _, line := range lines {
			if !strings.HasPrefix(line, verb) {
				t.Errorf("%q stands under %q", line, verb)
			}
			line, _, _ = strings.Cut(line, " > ")
			words, err := shell.Fields(line, nil)
			if err != nil {
				t.Fatal(err)
			}
			parser, err := newParser(&cli{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(words); err != nil && !strings.Contains(err.Error(), "no such file or directory") {
				t.Errorf("gatehouse %s: %v", line, err)
			}
		}
	}
}

// TestManualPages: the pages are what man and mandoc take without a warning, and say what the verbs are.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	if err := (&ManCmd{Dir: dir}).Run(); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "man[15]", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 30 {
		t.Errorf("%d pages", len(pages))
	}
	if out, err := exec.Command("mandoc", append([]string{"-Tlint", "-Wwarning"}, pages...)...).CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
	for name, want := range map[string][]string{
		"man1/gatehouse.1":          {"gatehouse-serve(1)", "GATEHOUSE_CONFIG", "75"},
		"man1/gatehouse-policy.1":   {"policy sign", "gatehouse policy test policy.yaml -v", "--allowed-signers="},
		"man1/gatehouse-sessions.1": {"sessions search", "gatehouse sessions list --live", "--json", "EXIT STATUS"},
		"man5/gatehouse.yaml.5":     {"storage.min_free", "One of trace, debug, info, warn, error."},
		"man5/targets.yaml.5":       {"targets.NAME.host_key", "gatehouse-config(1)"},
	} {
		cmd := exec.Command("man", "-l", "--warnings", filepath.Join(dir, name))
		cmd.Env = append(os.Environ(), "MANWIDTH=200", "MANPAGER=cat", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=", "GROFF_NO_SGR=")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || errs.Len() > 0 {
			t.Errorf("man %s: %v %s", name, err, errs.String())
		}
		text := strings.ReplaceAll(string(out), "‐", "-")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not have %q:\n%s", name, w, text)
			}
		}
	}
}
