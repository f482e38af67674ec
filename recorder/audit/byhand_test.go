package audit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/audit.md says to do by hand works with standard tools, for every line of the golden bundle, and not with another entry.
func TestByHand(t *testing.T) {
	manual := mustRead(t, filepath.Join("..", "..", "docs", "audit.md"))
	blocks := regexp.MustCompile("(?s)<!-- by hand -->\n```sh\n(.*?)```").FindAllSubmatch(manual, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks by hand, want 2", len(blocks))
	}
	dir := t.TempDir()
	bundle := mustRead(t, filepath.Join("testdata", "bundle.tar"))
	byHand := func(line string, b []byte) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "bundle.tar"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		script := string(blocks[0][1]) + string(blocks[1][1])
		cmd := exec.Command("bash", "-c", strings.Replace(script, "LINE=9", "LINE="+line, 1))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	entries := bytes.SplitAfter(pick(unpack(t, bundle), bundleEntries)[0].body, []byte("\n"))
	for _, line := range []int{1, 9, len(entries) - 1} {
		if out := byHand(fmt.Sprint(line), bundle); !strings.Contains(out, "the entry is in the log") || !strings.Contains(out, "Signature Verified Successfully") {
			t.Errorf("line %d: %s", line, out)
		}
	}
	for i, line := range entries {
		if bytes.Contains(line, []byte(`"login":"deploy"`)) {
			out := byHand(fmt.Sprint(i+1), bytes.Replace(bundle, []byte(`"login":"deploy"`), []byte(`"login":"daemon"`), 1))
			if !strings.Contains(out, "daemon") || strings.Contains(out, "the entry is in the log") {
				t.Errorf("a changed entry passes by hand: %s", out)
			}
		}
	}
}
