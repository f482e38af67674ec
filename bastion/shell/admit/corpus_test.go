package admit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestShare(t *testing.T) {
	files, _ := filepath.Glob("../testdata/*/*.txtar")
	for _, name := range files {
		data, _ := os.ReadFile(name)
		n, ok := 0, 0
		for _, f := range txtar.Parse(data).Files {
			if strings.HasPrefix(f.Name, ":") || strings.HasPrefix(f.Name, "/") {
				continue
			}
			n++
			_, no := Admit(string(f.Data), Place{})
			if no == nil {
				ok++
				continue
			}
			t.Logf("%s/%s: %s at %d (%.40q)", filepath.Base(name), f.Name, no.Construct, no.Column, string(f.Data)[no.Column-1:])
		}
		t.Logf("== %s %d of %d", name, ok, n)
	}
}
