package arrows

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// design is the module's import directions.
var design = []Rule{
	{
		From:   []string{"policy"},
		Except: []string{"policy/lab"},
		Only:   []string{"github.com/goccy/go-yaml", "cel.dev/cel-go"},
		Reason: "policy is a pure decision: the standard library, YAML and CEL only",
	},
	{
		From:   []string{"policy/lab"},
		Only:   []string{"policy", "github.com/goccy/go-yaml", "github.com/rogpeppe/go-internal/diff", "github.com/invopop/jsonschema"},
		Reason: "the lab is pure as well; besides it renders diffs and a schema",
	},
	{
		From:   []string{"policy"},
		Never:  []string{"bastion", "web", "ca", "recorder", "internal", "cmd"},
		Reason: "policy knows nothing of who asks it",
	},
	{
		From:   []string{"ca", "recorder"},
		Never:  []string{"bastion", "web", "internal/decider", "internal/store", "cmd"},
		Reason: "ca and recorder are used by the processes and know none of them",
	},
	{
		From:   []string{"web"},
		Never:  []string{"bastion"},
		Reason: "web declares what it needs of the door as a small interface",
	},
	{
		From:   []string{"bastion", "web", "ca", "recorder"},
		Except: []string{"internal/decider/protocol"},
		Never:  []string{"internal/decider"},
		Reason: "the deciding process is reached by its protocol only",
	},
	{
		From:   []string{"internal/decider"},
		Never:  []string{"bastion", "web"},
		Reason: "the decider holds the keys and must not carry the door's code",
	},
	{
		From:   []string{"bastion"},
		Never:  []string{"web"},
		Reason: "the door serves SSH without the pages",
	},
	{
		Except: []string{"scripts"},
		Never:  []string{"cmd"},
		Reason: "nothing imports a command",
	},
	{
		Except: []string{"cmd", "scripts", "internal/testgate", "internal/testshell"},
		Never:  []string{"internal/testhost", "internal/testgate", "internal/testshell", "internal/testoidc", "internal/testsink", "internal/rawssh", "internal/hostile"},
		Reason: "what stands in for a world in tests is for scripts and tests",
	},
}

func TestDesign(t *testing.T) {
	root := filepath.Join("..", "..")
	graph, err := load(root, "gatehouse")
	if err != nil {
		t.Fatal(err)
	}
	if len(graph["policy"]) == 0 && len(graph["recorder"]) == 0 {
		t.Fatal("no import of policy or recorder was read: the check looks at the wrong folder")
	}
	violations, err := Check(root, "gatehouse", design)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}

// TestNamesEachViolation adds one wrong arrow at a time to a module that is right.
func TestNamesEachViolation(t *testing.T) {
	cases := map[string]struct{ file, imports, want string }{
		"policy, third party":   {"policy/a.go", "golang.org/x/crypto/ssh", "policy/a.go:3: policy → golang.org/x/crypto/ssh: "},
		"policy, clock of ours": {"policy/access/a.go", "m/internal/id", "policy/access/a.go:3: policy/access → internal/id: "},
		"recorder, store":       {"recorder/a.go", "m/internal/store", "recorder/a.go:3: recorder → internal/store: "},
		"ca below":              {"ca/krl/a.go", "m/bastion", "ca/krl/a.go:3: ca/krl → bastion: "},
		"web, door":             {"web/a.go", "m/bastion/target", "web/a.go:3: web → bastion/target: "},
		"web, door, hidden":     {"web/a.go", "m/internal/console", ""},
		"door, decider":         {"bastion/shell/a.go", "m/internal/decider", "bastion/shell/a.go:3: bastion/shell → internal/decider: "},
		"door, protocol":        {"bastion/a.go", "m/internal/decider/protocol", ""},
		"decider, door":         {"internal/decider/a.go", "m/internal/relay", "internal/decider/a.go:3: internal/decider → internal/relay → bastion: "},
		"decider, protocol":     {"internal/decider/a.go", "m/internal/decider/protocol", ""},
		"door, command":         {"bastion/a.go", "m/cmd/gatehouse", "bastion/a.go:3: bastion → cmd/gatehouse: "},
		"anyone, test host":     {"internal/id/a.go", "m/internal/testhost", "internal/id/a.go:3: internal/id → internal/testhost: "},
		"script, test host":     {"scripts/demo/a.go", "m/internal/testhost", ""},
		"test, test host":       {"web/a_test.go", "m/internal/testhost", ""},
		"policy, YAML":          {"policy/a.go", "github.com/goccy/go-yaml/ast", ""},
		"lookalike folder":      {"web/a.go", "m/bastionette", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "internal/relay/relay.go", "m/bastion")
			write(t, root, "internal/console/console.go", "m/policy")
			write(t, root, "bastion/bastion.go", "m/policy")
			write(t, root, c.file, c.imports)
			violations, err := Check(root, "m", design)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(violations) != 0 {
				t.Errorf("violations %v, want none", violations)
			}
			if c.want != "" && !slices.ContainsFunc(violations, func(v Violation) bool { return strings.HasPrefix(v.String(), c.want) }) {
				t.Errorf("violations %v, want one that begins %q", violations, c.want)
			}
		})
	}
}

func TestBrokenFileIsAnError(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("package a\nimport (\"unclosed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(root, "m", design); err == nil {
		t.Error("a file that does not parse was passed over")
	}
}

func write(t *testing.T, root, file, imports string) {
	t.Helper()
	path := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("package a\n\nimport _ \""+imports+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
