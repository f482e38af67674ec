package check

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what is found in the cases")

// TestCases: each case of testdata is a file and all that is found wrong with it.
func TestCases(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(cases) < 5 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), ar.Files[0].Name)
		if err := os.WriteFile(file, ar.Files[0].Data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := File(file)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Format + "\n"
		for _, fault := range r.Faults {
			got += strings.TrimPrefix(fault.Error(), filepath.Dir(file)+"/") + "\n"
		}
		if *update {
			ar.Files = append(ar.Files[:1], txtar.File{Name: "found", Data: []byte(got)})
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := string(ar.Files[1].Data); got != want {
			t.Errorf("%s: found\n%swant\n%s", path, got, want)
		}
	}
}

// TestUnreadable: what cannot be read is an error and no fault.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), dir, large} {
		if _, err := File(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// FuzzFile: whatever a file holds, it is judged; every fault has a place in it.
func FuzzFile(f *testing.F) {
	f.Add("version: 1\nssh: {listen: x}\n")
	f.Add("version: 1\ntargets: {a: {logins: [b]}}\n")
	f.Add("a: &x [1]\nb: *x\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := File(path)
		if err != nil {
			return
		}
		for _, fault := range r.Faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Msg == "" {
				t.Errorf("%+v", fault)
			}
		}
	})
}
