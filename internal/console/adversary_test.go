package console

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// A secret that comes together only when escape sequences are gone, or on the screen, is masked in a transcript.
func TestTranscriptsAreMaskedAsTheyAreRead(t *testing.T) {
	token := "ghp_" + strings.Repeat("k3Y9", 9)
	for _, pty := range []bool{false, true} {
		d := newDesk(t)
		s := d.add(store.Session{Identity: "agent:release-bot", Target: "web-1", Login: "deploy", PTY: pty, State: store.Ended, Command: "show", Started: d.now.Add(-time.Hour)}, policy.Decision{Verdict: "allow"},
			token[:10]+"\x1b[1;11H"+token[10:]+"\r\nplain\r\n")
		out, errs, code := d.run("sessions", "export", s.ID, "-f", "text")
		if code != 0 || !strings.Contains(out, strings.Repeat("*", len(token))) || !strings.Contains(out, "plain") {
			t.Errorf("pty %v: exit %d %s%s", pty, code, out, errs)
		}
	}
}

// Of a live session the last line may end in the middle of a secret. Its beginning is not shown either, to whoever looks just then.
func TestBeginningOfASecretIsMasked(t *testing.T) {
	d := newDesk(t)
	s := d.add(store.Session{Identity: "agent:release-bot", Target: "web-1", Login: "deploy", PTY: true, State: store.Live, Command: "show", Started: d.now.Add(-time.Hour)}, policy.Decision{Verdict: "allow"},
		"plain\r\ntoken ghp_k3Y9k3Y9k3Y9")
	time.Sleep(1500 * time.Millisecond) // on the disk
	for _, line := range []string{"sessions play ID --speed 1000", "sessions play ID --from 0s --json", "sessions play ID --from 1ns --speed 1000", "sessions export ID -f text", "sessions export ID -f json"} {
		out, errs, code := d.run(strings.Fields(strings.ReplaceAll(line, "ID", s.ID))...)
		if code != 0 || !strings.Contains(out, "plain") || strings.Contains(out, "k3Y9") {
			t.Errorf("%s: exit %d %q%s", line, code, out, errs)
		}
	}
}

// A session's row has only the beginning of a long command, which may end in the middle of a secret.
func TestCutCommandIsMasked(t *testing.T) {
	d := newDesk(t)
	command := (strings.Repeat("x ", 2038) + "ghp_" + strings.Repeat("k3Y9", 9))[:4096]
	s := store.Session{ID: "ses_01M8HA88DAMZ9FFJMGMC13Q7F1", Identity: "agent:release-bot", Target: "web-1", Login: "deploy", State: store.Ended, Command: command, Started: d.now.Add(-time.Hour)}
	must(t, d.store.Put(t.Context(), s))
	for _, line := range []string{"sessions list --json", "sessions show " + s.ID} {
		out, errs, code := d.run(strings.Fields(line)...)
		if code != 0 || !strings.Contains(out, "x x x") || strings.Contains(out, "k3Y9") {
			t.Errorf("%s: exit %d %.3000s%s", line, code, out, errs)
		}
	}
}
