package main

import (
	"os"
	"testing"
)

// The rows fit the source as it is, and the page says what they say.
func TestGuaranteesFitTheSource(t *testing.T) {
	t.Chdir("../..")
	rows, err := load(rowsFile)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != render(rows) {
		t.Error("docs/guarantees.md is not what the rows say: run go run ./scripts/prove -doc")
	}
}
