package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	agelib "filippo.io/age"

	"gatehouse/recorder"
)

// A recording that somebody else made cannot drive the terminal of who looks at it, not by an error either.
func TestHostileRecordingInErrors(t *testing.T) {
	id, err := agelib.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir, session := t.TempDir(), "ses_01KB0000000000000000000000"
	r, err := recorder.New(recorder.Config{Dir: dir, Commit: func(context.Context, recorder.Chunk) error { return nil },
		Encryption: recorder.Encryption{Recipients: []recorder.Recipient{{Name: "\x1b]0;gotcha\a\u009b2J", Key: id.Recipient()}}}})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Open(t.Context(), recorder.Header{Session: session})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Close(t.Context(), recorder.End{State: "ended"}); err != nil {
		t.Fatal(err)
	}
	path, err := recorder.Path(dir, session)
	if err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(t.TempDir(), "identity")
	other, err := agelib.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte(other.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"recording", "show", path}, {"recording", "play", path, "--identity", mine}, {"recording", "check-keys", dir, "--identity", mine}} {
		said := captured(t, func() { run(args) })
		if !strings.Contains(said, "gotcha") || strings.ContainsAny(said, "\x1b\a\u009b") {
			t.Errorf("%v: %q", args[:2], said)
		}
	}
}

// captured is what f writes to the standard output and error.
func captured(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	f()
	os.Stdout, os.Stderr = out, errs
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
