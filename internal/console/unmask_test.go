package console

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// leaky is a session whose command and output hold a password, and the password.
func (d *desk) leaky(state store.State) (store.Session, string) {
	d.t.Helper()
	password := "Tr0ub4" + "dor" + strings.Repeat("x", 5)
	ok := policy.Decision{Verdict: policy.Allow, Rules: []string{"web/allow[0]"}, Reason: "--password " + password, Mode: policy.Plain, PolicyHash: "sha256:aa",
		Plan: &policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/x", "--password", password}}}
	s := d.add(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "x --password " + password,
		Task: "password=" + password, Reason: "password=" + password, State: state, Started: d.now.Add(-time.Hour)}, ok, "DB_PASSWORD="+password+"\nplain\n")
	return s, password
}

// Every verb and form masks, and an unmasked look is authorised by itself, with its reason, after the verb.
func TestSecretsAreMaskedUnlessUnmasked(t *testing.T) {
	d := newDesk(t)
	d.rights = append(d.rights, "unmask")
	s, password := d.leaky(store.Ended)
	for _, line := range []string{
		"sessions list", "sessions list --json", "sessions show ID", "sessions show ID --json", "sessions play ID --speed 1000", "sessions play ID --json",
		"sessions tail ID", "sessions tail ID --json", "sessions export ID -f text", "sessions export ID -f json", "sessions export ID -f asciicast-v2", "sessions export ID",
	} {
		out, errs, code := d.run(strings.Fields(strings.ReplaceAll(line, "ID", s.ID))...)
		if code != 0 || !strings.Contains(out, "***") || strings.Contains(out, password[:6]) {
			t.Errorf("%s: exit %d %s%s", line, code, out, errs)
		}
	}
	d.took()
	for _, line := range []string{"sessions show ID", "sessions play ID --speed 1000", "sessions export ID -f text", "sessions export ID -f json"} {
		args := append(strings.Fields(strings.ReplaceAll(line, "ID", s.ID)), "--unmask", "--reason", "INC-7")
		out, errs, code := d.run(args...)
		if code != 0 || !strings.Contains(out, password) {
			t.Errorf("%s: exit %d %s%s", line, code, out, errs)
		}
		if asked := d.took(); len(asked) != 2 || asked[1].unmask(s.ID) != "INC-7" {
			t.Errorf("%s: %+v", line, asked)
		}
	}
}

// unmask is the reason for which a session was unmasked.
func (a asked) unmask(id string) string {
	if a.Verb != SessionsUnmask || a.Object != id {
		return ""
	}
	return a.Reason
}

func TestUnmaskingNeedsRightAndReason(t *testing.T) {
	d := newDesk(t)
	s, password := d.leaky(store.Ended)
	for line, want := range map[string]int{
		"sessions show ID --unmask": exitUsage, "sessions play ID --unmask --reason": exitUsage, "sessions export ID --unmask --reason=": exitUsage,
		"sessions show ID --reason x": exitUsage, "sessions tail ID --unmask --reason x": exitUsage, "sessions list --unmask --reason x": exitUsage,
		"sessions show ID --unmask --reason x": exitNegative, "sessions play ID --unmask --reason x": exitNegative, "sessions export ID --unmask --reason x": exitNegative,
		"sessions show ses_0 --unmask --reason x": exitNegative,
	} {
		out, errs, code := d.run(strings.Fields(strings.ReplaceAll(line, "ID", s.ID))...)
		if code != want || strings.Contains(out+errs, password) || out != "" {
			t.Errorf("%s: exit %d %s%s", line, code, out, errs)
		}
	}
	for _, reason := range []string{"", " ", "two\nlines", strings.Repeat("x", maxReason+1)} {
		if _, err := d.Unmasked(reason); err == nil {
			t.Errorf("%q was taken", reason)
		}
	}
}

// The lists of an unmasked console are masked: they are audited as lists.
func TestUnmaskedListsAreMasked(t *testing.T) {
	d := newDesk(t)
	d.rights = append(d.rights, "unmask")
	_, password := d.leaky(store.Live)
	c, err := d.Unmasked("INC-7")
	must(t, err)
	list, err := c.List(t.Context(), ann, store.Filter{})
	must(t, err)
	overview, err := c.Overview(t.Context(), ann)
	must(t, err)
	text, err := json.Marshal([]any{list, overview})
	must(t, err)
	if strings.Contains(string(text), password) {
		t.Errorf("%s", text)
	}
}

// The recording itself is never rewritten: whoever masks works on copies.
func TestMaskingLeavesTheRecording(t *testing.T) {
	d := newDesk(t)
	d.rights = append(d.rights, "unmask")
	s, password := d.leaky(store.Ended)
	down, err := d.Export(t.Context(), ann, s.ID, Text)
	must(t, err)
	must(t, down.Write(io.Discard))
	rec, err := d.recorder.Read(s.ID)
	must(t, err)
	defer rec.Close()
	var all strings.Builder
	for e, err := range rec.Events() {
		must(t, err)
		all.Write(e.Data)
	}
	if !strings.Contains(all.String(), "DB_PASSWORD="+password) {
		t.Errorf("%q", all.String())
	}
}
