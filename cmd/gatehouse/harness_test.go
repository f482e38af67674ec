package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdManual: manual NAME BLOCK runs the blocks of docs/NAME.md that begin with ```sh BLOCK, in their order, in the case's
// folder, which is their home too. They are the last client.
func cmdManual(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: manual NAME BLOCK")
	}
	blocks, err := manualBlocks(args[0])
	if err != nil {
		return err
	}
	script, ok := blocks[args[1]]
	if !ok {
		return fmt.Errorf("docs/%s.md has no block %q", args[0], args[1])
	}
	return s.call(ts, "env", []string{"HOME=" + s.work, "bash", "-euo", "pipefail", "-c", script})
}

// manualBlocks are the named shell blocks of a manual; several of one name are one script.
func manualBlocks(name string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name+".md"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		if m[1] == "sh" {
			found[strings.TrimSpace(m[2])] += m[3]
		}
	}
	return found, nil
}

// TestTheHarnessManualIsRun: every block of docs/harness.md is run by a case, and every policy beside it has its tests run.
func TestTheHarnessManualIsRun(t *testing.T) {
	cases := ""
	files, err := filepath.Glob(filepath.Join("testdata", "script", "harness-*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases += string(text)
	}
	blocks, err := manualBlocks("harness")
	if err != nil {
		t.Fatal(err)
	}
	for name := range blocks {
		if !strings.Contains(cases, "\nmanual harness "+name+"\n") {
			t.Errorf("no case runs the block %q", name)
		}
	}
	policies, err := filepath.Glob(filepath.Join("..", "..", "docs", "examples", "harness", "*", "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies {
		if !strings.Contains(cases, "$DOCS/examples/harness/"+filepath.Base(filepath.Dir(policy))+"/") {
			t.Errorf("no case uses %s", policy)
		}
	}
	if len(blocks) < 8 || len(policies) < 5 {
		t.Errorf("found only %d blocks and %d policies", len(blocks), len(policies))
	}
}
