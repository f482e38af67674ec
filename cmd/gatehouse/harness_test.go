package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
