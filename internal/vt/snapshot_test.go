package vt

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"unicode/utf8"
)

const (
	snapshotsEach = 4    // of each program
	restBytes     = 2000 // that are written after one

	elsewhere = "vttest-screen" // where avt, without any snapshot, is in another row than xterm
)

// xterm and the terminal of asciinema-player show the same whether they got a program's output or a snapshot of it, and go on in the same way.
func TestSnapshotsInOtherTerminals(t *testing.T) {
	var in bytes.Buffer
	var names []string
	encode := json.NewEncoder(&in)
	for _, r := range programs(t) {
		for i := range snapshotsEach {
			at := wholeRunes(r.Data, len(r.Data)*(2*i+1)/(2*snapshotsEach))
			end := wholeRunes(r.Data, min(at+restBytes, len(r.Data)))
			term := New(r.Cols, r.Rows)
			_, _ = term.Write(r.Data[:at])
			if err := encode.Encode(map[string]any{"cols": r.Cols, "rows": r.Rows, "raw": r.Data[:at], "snapshot": []byte(term.Snapshot()), "rest": r.Data[at:end]}); err != nil {
				t.Fatal(err)
			}
			names = append(names, r.name)
		}
	}
	cmd := exec.Command("node", "testdata/snapshots.mjs")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node (it and the npm packages of web/ui come by scripts/setup): %v", err)
	}
	requireSame(t, names, json.NewDecoder(bytes.NewReader(out)))
}

// requireSame reads where each snapshot differs in the two terminals.
func requireSame(t *testing.T, names []string, answers *json.Decoder) {
	t.Helper()
	for i, name := range names {
		var differs struct{ Xterm, Avt string }
		if err := answers.Decode(&differs); err != nil {
			t.Fatal(err)
		}
		if differs.Xterm != "" {
			t.Errorf("%s, snapshot %d: xterm, %s", name, i%snapshotsEach, differs.Xterm)
		}
		if differs.Avt != "" && name != elsewhere {
			t.Errorf("%s, snapshot %d: avt, %s", name, i%snapshotsEach, differs.Avt)
		}
	}
}

// wholeRunes moves a place in text back to the beginning of a character.
func wholeRunes(text []byte, at int) int {
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}
