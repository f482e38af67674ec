package console

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// encrypt makes the desk's recorder, from now on, one that encrypts for the identity it returns.
func (d *desk) encrypt() *age.X25519Identity {
	d.t.Helper()
	owner, err := age.GenerateX25519Identity()
	must(d.t, err)
	to, err := recorder.ParseRecipient(owner.Recipient().String())
	must(d.t, err)
	d.recorder, err = recorder.New(recorder.Config{Dir: d.t.TempDir(), Commit: func(context.Context, recorder.Chunk) error { return nil }, Encryption: recorder.Encryption{Recipients: []recorder.Recipient{to}}})
	must(d.t, err)
	d.cfg.Recordings = d.recorder
	return owner
}

// openTar reads an export with an identity.
func (d *desk) openTar(tar []byte, ids ...age.Identity) (*recorder.Reader, error) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "x.tar")
	must(d.t, os.WriteFile(file, tar, 0o600))
	return recorder.OpenFileWith(file, "", recorder.Encryption{Identities: ids})
}

// The file as it lies holds secrets unmasked, so it is handed out like them; one that is encrypted tells nobody anything who
// has no identity for it.
func TestExportRaw(t *testing.T) {
	d := newDesk(t)
	d.rights = append(d.rights, "unmask")
	_, plain, _ := d.some()
	if out, errs, code := d.run("sessions", "export", plain.ID, "--format", "raw"); code != exitUsage || out != "" || !strings.Contains(errs, "--reason") {
		t.Errorf("masked: exit %d, %d bytes, %s", code, len(out), errs)
	}
	out, errs, code := d.run("sessions", "export", plain.ID, "--format", "raw", "--unmask", "--reason", "court")
	if code != exitOK {
		t.Fatalf("unmasked: exit %d, %s", code, errs)
	}
	rd, err := d.openTar([]byte(out))
	must(t, err)
	must(t, rd.Close())
	owner := d.encrypt()
	_, sealed, _ := d.some()
	out, errs, code = d.run("sessions", "export", sealed.ID, "--format", "raw")
	if code != exitOK || strings.Contains(out, "one\ntwo") {
		t.Fatalf("encrypted: exit %d, %s", code, errs)
	}
	if _, err := d.openTar([]byte(out)); !errors.As(err, new(*recorder.EncryptedError)) {
		t.Errorf("without an identity: %v", err)
	}
	rd, err = d.openTar([]byte(out), owner)
	must(t, err)
	defer rd.Close()
	var text bytes.Buffer
	offline := Offline{Recording: rd}
	must(t, offline.Export(&text, Text))
	if !strings.Contains(text.String(), "two") {
		t.Errorf("exported offline: %q", text.String())
	}
	if err := offline.Export(&text, Raw); ExitCode(err) != exitUsage {
		t.Errorf("raw once more: %v", err)
	}
}

// What cannot be read here is said to be so, with what to do, and is no error of the pages that have more to say.
func TestEncryptedIsSaid(t *testing.T) {
	d := newDesk(t)
	owner := d.encrypt()
	_, s, _ := d.some()
	show, err := d.Show(t.Context(), ann, s.ID)
	if err != nil || !show.Timeline.Recorded || !strings.Contains(show.Timeline.Locked, owner.Recipient().String()) || len(show.Timeline.Moments) != 0 {
		t.Errorf("%+v, %v", show.Timeline, err)
	}
	for _, verb := range []string{"play", "export"} {
		if out, errs, code := d.run("sessions", verb, s.ID); code != exitNegative || out != "" || !strings.Contains(errs, "--identity FILE") {
			t.Errorf("%s: exit %d, %q, %s", verb, code, out, errs)
		}
	}
}

// A hold is about a session or about something, and has a reason.
func TestHoldChoice(t *testing.T) {
	d := newDesk(t)
	_, s, _ := d.some()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		choice HoldChoice
		reason string
		ok     bool
	}{
		"a session":      {HoldChoice{Session: s.ID}, "court", true},
		"an agent":       {HoldChoice{Identity: "agent:bot"}, "court", true},
		"a time":         {HoldChoice{Since: at, Until: at.Add(time.Hour)}, "court", true},
		"nothing":        {HoldChoice{}, "court", false},
		"both":           {HoldChoice{Session: s.ID, Target: "web-1"}, "court", false},
		"no time":        {HoldChoice{Since: at, Until: at}, "court", false},
		"escapes":        {HoldChoice{Target: "\x1b[2J"}, "court", false},
		"no reason":      {HoldChoice{Session: s.ID}, "", false},
		"a long reason":  {HoldChoice{Session: s.ID}, strings.Repeat("x", 501), false},
		"a hostile one":  {HoldChoice{Session: s.ID}, "a\nb", false},
		"a strange name": {HoldChoice{Target: strings.Repeat("x", 201)}, "court", false},
	} {
		_, err := d.Hold(t.Context(), ann, c.choice, c.reason)
		asked := len(d.took()) > 0
		if (ExitCode(err) == exitUsage) == c.ok || asked != c.ok {
			t.Errorf("%s: %v, authorised %v", name, err, asked)
		}
	}
	if text := (&Kept{Kind: store.Deleted, At: at, Why: "keep 30d"}).Text(); text != "deleted on "+Stamp(at)+" by the rule: keep 30d" {
		t.Error(text)
	}
}
