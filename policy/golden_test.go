package policy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestGoldenDecisions runs each case of testdata/decide: a policy, requests of one line each, and the decisions they get.
// A request reads IDENTITY LOGIN@TARGET [-t] [NAME=VALUE…] $ LINE.
func TestGoldenDecisions(t *testing.T) {
	golden(t, "testdata/decide/*.txtar", "decisions", func(t *testing.T, files map[string]string) string {
		p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(files["policy.yaml"])}})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for line := range strings.Lines(files["requests"]) {
			fmt.Fprintln(&b, describe(decideLine(t, p, strings.TrimSuffix(line, "\n"))))
		}
		return b.String()
	})
}

// TestGoldenProblems runs each case of testdata/problem: a policy that is wrong, and what is said about it.
func TestGoldenProblems(t *testing.T) {
	golden(t, "testdata/problem/*.txtar", "problems", func(t *testing.T, files map[string]string) string {
		var policies []policy.File
		for name, text := range files {
			if strings.HasSuffix(name, ".yaml") {
				policies = append(policies, policy.File{Name: name, Data: []byte(text)})
			}
		}
		_, err := policy.Parse(policies)
		if err == nil {
			return "none\n"
		}
		return err.Error() + "\n"
	})
}

func golden(t *testing.T, glob, part string, run func(*testing.T, map[string]string) string) {
	paths, err := filepath.Glob(glob)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s: %v", glob, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			want := -1
			for i, f := range archive.Files {
				files[f.Name] = string(f.Data)
				if f.Name == part {
					want = i
				}
			}
			if want < 0 {
				archive.Files = append(archive.Files, txtar.File{Name: part})
				want = len(archive.Files) - 1
			}
			got := run(t, files)
			if *update {
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(archive.Files[want].Data) {
				t.Errorf("%s: got\n%swant\n%s", strings.TrimSpace(string(archive.Comment)), got, archive.Files[want].Data)
			}
		})
	}
}

func decideLine(t *testing.T, p *policy.Policy, text string) policy.Decision {
	t.Helper()
	head, line, ok := strings.Cut(text, " $ ")
	words := strings.Fields(head)
	if !ok || len(words) < 2 {
		t.Fatalf("request %q is not IDENTITY LOGIN@TARGET [-t] [NAME=VALUE…] $ LINE", text)
	}
	kind, name := policy.Agent, words[0]
	if rest, ok := strings.CutPrefix(name, "person:"); ok {
		kind, name = policy.Person, rest
	}
	login, target, _ := strings.Cut(words[1], "@")
	r := policy.Request{Identity: policy.Identity{Kind: kind, Name: name}, Target: target, Login: policy.Login(login), Facts: policy.Facts{Assume: true}}
	for _, word := range words[2:] {
		if word == "-t" {
			r.PTY = true
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		r.Env = append(r.Env, policy.EnvVar{Name: name, Value: value})
	}
	plan, err := shell.Parse(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	r.Plan = plan
	return p.Decide(r)
}

// describe renders a decision as one line.
func describe(d policy.Decision) string {
	if d.Verdict == policy.Allow {
		return fmt.Sprintf("allow mode=%s stdin=%s rules=%s", d.Mode, d.Stdin, strings.Join(d.Rules, ","))
	}
	text := fmt.Sprintf("deny %s: %s", d.Code, d.Reason)
	if d.Failed != nil {
		text += fmt.Sprintf(" [command %d word %d %q]", d.Failed.Command, d.Failed.Index, d.Failed.Token)
	}
	if len(d.Rules) > 0 {
		text += " rules=" + strings.Join(d.Rules, ",")
	}
	for _, pattern := range d.Nearest {
		text += " | " + pattern
	}
	return text
}
