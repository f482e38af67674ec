package admit_test

import (
	"path/filepath"
	"testing"

	"gatehouse/bastion/shell/admit"
	"gatehouse/internal/testshell"
)

// TestTheShareOfAgentsTexts: nine of ten texts as agents write them are read.
func TestTheShareOfAgentsTexts(t *testing.T) {
	cases, err := testshell.Load(filepath.Join("..", "testdata", "snippets"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, c := range cases {
		_, refused := admit.Admit(c.Script, admit.Place{})
		if refused == nil {
			read++
			continue
		}
		t.Logf("%s/%s: %s at column %d", c.Group, c.Name, refused.Construct, refused.Column)
	}
	if t.Logf("%d of %d", read, len(cases)); len(cases) < 200 || 10*read < 9*len(cases) {
		t.Errorf("%d of %d are read", read, len(cases))
	}
}
