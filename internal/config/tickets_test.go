package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTicketSecret: a secret is read without what is around it; one that is missing, short or endless is an error that says so.
func TestTicketSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) Tickets {
		path := filepath.Join(dir, "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Tickets{SecretFile: path}
	}
	if got, err := (Tickets{}).Secret(); got != nil || err != nil {
		t.Errorf("without one: %q, %v", got, err)
	}
	if got, err := write("  0123456789abcdef\n").Secret(); string(got) != "0123456789abcdef" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"", "\n\n", "short", strings.Repeat("x", maxTicketSecret+1)} {
		if got, err := write(text).Secret(); got != nil || err == nil || !strings.Contains(err.Error(), "tickets.secret_file") {
			t.Errorf("%d bytes: %q, %v", len(text), got, err)
		}
	}
	if _, err := (Tickets{SecretFile: filepath.Join(dir, "none")}).Secret(); err == nil {
		t.Error("a missing file is no error")
	}
	rel := Tickets{SecretFile: "x"}
	if rel.resolve(dir); rel.SecretFile != filepath.Join(dir, "x") {
		t.Error(rel.SecretFile)
	}
}
