package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// policyText is one that every version takes.
const policyText = `version: 1
people:
  ann: {roles: [oncall]}
agents:
  bot: {owner: person:ann, roles: [web]}
roles:
  oncall: {rights: [view, operate]}
  web:
    targets: ["web-*"]
    logins: [deploy]
    allow: [story]
tests:
  - {as: bot, on: web-1, login: deploy, run: "story", expect: allow}
`

// story is what a session shows; its words are looked for later.
const story = "#!/bin/sh\necho once upon a time a heron waited\n"

// world is the installation that is taken from version to version.
type world struct {
	dir, old, fresh string
	gate            *testgate.Gate
	sessions        []string // ids of all sessions so far
	back            bool     // the old program took the new one's data
}

func begin(ctx context.Context, dir, old, fresh string) (*world, error) {
	home := filepath.Join(dir, "gate")
	if err := os.Mkdir(home, 0o755); err != nil {
		return nil, err
	}
	g, err := testgate.Start(ctx, testgate.Config{Dir: home, Binary: old, Policy: policyText, Oldest: true,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2000}}, Programs: map[string]string{"story": story}}}})
	if err != nil {
		return nil, err
	}
	return &world{dir: dir, old: old, fresh: fresh, gate: g}, nil
}

// oldWorks makes data: sessions that were allowed and denied.
func (w *world) oldWorks(ctx context.Context) error {
	if _, err := w.gate.Enrol(ctx, "agent", "bot"); err != nil {
		return err
	}
	if _, err := w.gate.Enrol(ctx, "person", "ann"); err != nil {
		return err
	}
	for range 3 {
		if err := w.work(ctx); err != nil {
			return err
		}
	}
	return w.readable(ctx)
}

// work is one session that is allowed and one that is denied.
func (w *world) work(ctx context.Context) error {
	r, err := w.gate.SSH(ctx, "bot", nil, "deploy@web-1@gatehouse", "story")
	if err != nil || r.Status != 0 || !strings.Contains(string(r.Stdout), "heron") {
		return fmt.Errorf("session: %v: status %d %s%s", err, r.Status, r.Stdout, r.Stderr)
	}
	r, err = w.gate.SSH(ctx, "bot", nil, "deploy@web-1@gatehouse", "reboot")
	if err != nil || r.Status != 126 {
		return fmt.Errorf("denied session: %v: status %d %s%s", err, r.Status, r.Stdout, r.Stderr)
	}
	return nil
}

// console runs a verb as the person.
func (w *world) console(ctx context.Context, line string) (string, error) {
	r, err := w.gate.SSH(ctx, "ann", nil, "gatehouse", line)
	if err != nil || r.Status != 0 {
		return "", fmt.Errorf("%s: %v: status %d %s%s", line, err, r.Status, r.Stdout, r.Stderr)
	}
	return string(r.Stdout), nil
}

// settled waits until no session is live any more: a client may be gone a moment before its session has ended.
func (w *world) settled(ctx context.Context) (string, error) {
	for range 100 {
		text, err := w.console(ctx, "sessions list --json --limit 100")
		if err != nil || !strings.Contains(text, `"live"`) {
			return text, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "", errors.New("a session stays live")
}

// readable says whether every session so far is listed, shown and replayed, and the log verifies with the recordings.
func (w *world) readable(ctx context.Context) error {
	text, err := w.settled(ctx)
	if err != nil {
		return err
	}
	var list []struct{ ID, State string }
	var page struct {
		Sessions []struct{ ID, State string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			return fmt.Errorf("list of sessions: %w: %s", err, text)
		}
		list = page.Sessions
	}
	var ids []string
	for _, s := range list {
		ids = append(ids, s.ID)
		if s.State != "ended" && s.State != "denied" {
			return fmt.Errorf("session %s is %s", s.ID, s.State)
		}
		if err := w.sessionReadable(ctx, s.ID, s.State); err != nil {
			return err
		}
	}
	for _, id := range w.sessions {
		if !slices.Contains(ids, id) {
			return fmt.Errorf("session %s is not listed", id)
		}
	}
	if len(ids) == 0 {
		return errors.New("no session is listed")
	}
	w.sessions = ids
	return w.verify(ctx, w.gate.Data)
}

func (w *world) sessionReadable(ctx context.Context, id, state string) error {
	if text, err := w.console(ctx, "sessions show "+id); err != nil || !strings.Contains(text, "web-1") {
		return fmt.Errorf("show %s: %v: %s", id, err, text)
	}
	if state == "denied" {
		return nil
	}
	for _, line := range []string{"sessions play --speed 1000 " + id, "sessions export --format text " + id} {
		if text, err := w.console(ctx, line); err != nil || !strings.Contains(text, "heron") {
			return fmt.Errorf("%s: %v: %s", line, err, text)
		}
	}
	return nil
}

func (w *world) verify(ctx context.Context, data string) error {
	return w.program(ctx, "audit", "verify", "--data", data)
}

// program runs the program that serves now.
func (w *world) program(ctx context.Context, args ...string) error {
	r, err := w.gate.Run(ctx, args...)
	if err == nil && r.Status != 0 {
		err = fmt.Errorf("status %d", r.Status)
	}
	if err != nil {
		return fmt.Errorf("gatehouse %s: %w: %s%s", strings.Join(args, " "), err, r.Stdout, r.Stderr)
	}
	return nil
}

func (w *world) backupOld(ctx context.Context) error {
	return w.program(ctx, "backup", "--data", w.gate.Data, "--out", filepath.Join(w.dir, "old.backup"))
}

// serve lets another program serve.
func (w *world) serve(binary string) error {
	if err := w.gate.Stop(); err != nil {
		return err
	}
	w.gate.SetBinary(binary)
	return w.gate.Serve()
}

// upgrade: what the old program wrote is readable, searchable and verifiable; new sessions join it, and a backup of all is made.
func (w *world) upgrade(ctx context.Context) error {
	if err := w.serve(w.fresh); err != nil {
		return err
	}
	if err := w.readable(ctx); err != nil {
		return err
	}
	if err := w.searchable(ctx); err != nil {
		return err
	}
	if err := errors.Join(w.work(ctx), w.readable(ctx)); err != nil {
		return err
	}
	return w.program(ctx, "backup", "--data", w.gate.Data, "--out", filepath.Join(w.dir, "new.backup"))
}

// searchable waits until the recordings of before the upgrade are found by their words.
func (w *world) searchable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		text, err := w.console(ctx, "sessions search heron --json")
		if found := strings.Count(text, `"ses_`); err == nil && found >= 3 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sessions of before the upgrade are not found: %v: %s", err, text)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// rollback: the old program serves on the new one's data with everything readable; or it refuses with the cure, and serves on the backup.
func (w *world) rollback(ctx context.Context) error {
	before := w.gate.Log()
	err := w.serve(w.old)
	if err == nil {
		w.back = true
		fmt.Println("   the old program takes the new one's data")
		return errors.Join(w.readable(ctx), w.work(ctx), w.readable(ctx))
	}
	said := strings.Join(w.gate.Log()[len(before):], "\n")
	if !strings.Contains(said, "written by a newer Gatehouse") || !strings.Contains(said, "restore a backup") {
		return fmt.Errorf("the old program does not serve, and does not say what to do: %w", err)
	}
	fmt.Println("   the old program refuses the new one's data and names the backup")
	// The data of the new version are whole all the same.
	w.gate.SetBinary(w.fresh)
	if err := w.verify(ctx, w.gate.Data); err != nil {
		return err
	}
	w.gate.SetBinary(w.old)
	if err := w.replace(ctx, "old.backup"); err != nil {
		return err
	}
	w.sessions = w.sessions[len(w.sessions)-6:] // those of before the upgrade are the last of the list
	return errors.Join(w.readable(ctx), w.work(ctx), w.readable(ctx))
}

// replace puts a backup in the place of the data, and serves.
func (w *world) replace(ctx context.Context, name string) error {
	if err := w.gate.Stop(); err != nil {
		return err
	}
	if err := os.Rename(w.gate.Data, fmt.Sprintf("%s.before-%s", w.gate.Data, name)); err != nil {
		return err
	}
	if err := w.program(ctx, "restore", "--from", filepath.Join(w.dir, name), "--data", w.gate.Data); err != nil {
		return err
	}
	return w.gate.Serve()
}

// again: whatever came of the rollback, the new program goes on from there.
func (w *world) again(ctx context.Context) error {
	if err := w.serve(w.fresh); err != nil {
		return err
	}
	return errors.Join(w.readable(ctx), w.work(ctx), w.readable(ctx))
}

// restoreNew: the new program's own backup serves, with what it had then.
func (w *world) restoreNew(ctx context.Context) error {
	w.sessions = nil
	if err := w.replace(ctx, "new.backup"); err != nil {
		return err
	}
	if err := w.readable(ctx); err != nil {
		return err
	}
	if len(w.sessions) != 8 {
		return fmt.Errorf("%d sessions in the backup, want 8", len(w.sessions))
	}
	return nil
}
