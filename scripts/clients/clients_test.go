package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// The commonest clients of those that scripts/setup installs by default, a cell or two of each; make e2e runs all of them.
func TestCommonClients(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the door's own user must reach its folder
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "gatehouse")
	if out, err := exec.Command("go", "build", "-o", binary, "gatehouse/cmd/gatehouse").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	wanted := map[string]string{"openssh": "exec,denied,channels", "jump": "certificate,host-ca", "xcrypto": "exec,channels", "scp": "certificate,file-denied", "rsync": "certificate", "git": "work"}
	var rows []client
	for _, c := range append(append([]client{}, clients...), tools...) {
		if wanted[c.name] != "" {
			rows = append(rows, c)
		}
	}
	if len(rows) != len(wanted) {
		t.Fatalf("%d clients of %d", len(rows), len(wanted))
	}
	w, err := open(t.Context(), dir, binary, rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	if w.drivers, err = buildDrivers(t.Context(), dir, rows); err != nil {
		t.Fatal(err)
	}
	for _, c := range rows {
		columns, err := options{cells: wanted[c.name]}.columns()
		if err != nil {
			t.Fatal(err)
		}
		_, verdicts := w.row(t.Context(), c, columns, false)
		if len(verdicts) != len(columns) {
			t.Errorf("%s: %d cells of %d", c.name, len(verdicts), len(columns))
		}
		for name, v := range verdicts {
			if v.kind != "ok" {
				t.Errorf("%s, %s: %s: %s", c.name, name, v.kind, v.note)
			}
		}
	}
}

// A refusal is a refusal where one is expected and the client shows its words, and nowhere else.
func TestJudge(t *testing.T) {
	c := client{refused: map[string]refusal{"agent": {regexp.MustCompile("not a certificate"), "why"}}}
	said := &refusalError{"the door: not a certificate"}
	for _, k := range []struct {
		cell string
		err  error
		want string
	}{
		{"exec", nil, "ok"},
		{"exec", errors.New("no"), "RED"},
		{"exec", said, "RED"},
		{"exec", &naError{"has none"}, "none"},
		{"agent", said, "refused"},
		{"agent", nil, "RED"},
		{"agent", &refusalError{"something else"}, "RED"},
	} {
		if v := judge(c, cell{name: k.cell}, k.err); v.kind != k.want {
			t.Errorf("%s, %v: %s, want %s", k.cell, k.err, v.kind, k.want)
		}
	}
}
