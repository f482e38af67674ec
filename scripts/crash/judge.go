package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"gatehouse/internal/store"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder"
)

// judge checks everything that a crash must not harm. killed is when it happened.
func (w *world) judge(ctx context.Context, r *report, seen []*witness, begun, killed time.Time) error {
	if err := w.verify(ctx, r); err != nil {
		return err
	}
	rows, err := w.index(ctx, begun)
	if err != nil {
		return err
	}
	judgeIndex(r, seen, rows)
	recordings := filepath.Join(supervisor.DoorDir(w.gate.Data), "recordings")
	for _, s := range seen {
		if found := rows[s.command]; s.steady && len(found) == 1 {
			text, err := w.readOutput(recordings, found[0].ID)
			if err != nil {
				r.violate("recording of %q: %v", s.command, err)
				continue
			}
			r.recordings++
			judgeRecording(r, s, text, killed)
		}
	}
	return w.judgeRemote(r, seen, rows)
}

// verify runs `gatehouse audit verify`. All sessions are over, so no recording may be unfinished.
func (w *world) verify(ctx context.Context, r *report) error {
	result, err := w.gate.Run(ctx, "audit", "verify", "--data", w.gate.Data)
	if err != nil {
		return err
	}
	if result.Status != 0 {
		r.violate("audit verify: status %d: %s%s", result.Status, result.Stdout, result.Stderr)
		return nil
	}
	if !strings.Contains(result.Stdout, " 0 unfinished,") {
		r.violate("audit verify: recordings are unfinished although no session is live:\n%s", result.Stdout)
	}
	return nil
}

// judgeIndex looks for every session that a client saw begin, once, in a final state.
func judgeIndex(r *report, seen []*witness, rows map[string][]row) {
	for _, s := range seen {
		found := rows[s.command]
		switch {
		case !s.began():
		case len(found) == 0:
			r.violate("session %q is lost: its client saw it begin, the index does not know it", s.command)
		case len(found) > 1:
			r.violate("session %q is in the index %d times", s.command, len(found))
		default:
			r.sessions++
		}
	}
	for command, found := range rows {
		for _, s := range found {
			if s.State == string(store.Live) {
				r.violate("session %s (%q) is still live in the index", s.ID, command)
			}
			if s.Remote == "unconfirmed" {
				r.unsure++
			}
		}
	}
}

// readOutput is the output that a recording holds; that it ends early is what a crash does.
func (w *world) readOutput(dir, session string) (string, error) {
	path, err := recorder.Path(dir, session)
	if err != nil {
		return "", err
	}
	rd, err := recorder.OpenFileWith(path, "", recorder.Encryption{Identities: []age.Identity{w.id}})
	if err != nil {
		return "", err
	}
	defer rd.Close()
	var text strings.Builder
	for e, err := range rd.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if e.Code == recorder.Output {
			text.Write(e.Data)
		}
	}
	return text.String(), nil
}

// judgeRecording compares a recording with what its client had received when the door or the decider died.
func judgeRecording(r *report, s *witness, text string, killed time.Time) {
	recorded := map[string]bool{}
	for l := range strings.Lines(text) {
		recorded[strings.TrimRight(l, "\r\n")] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if recorded[l.text] || !l.at.Before(killed) {
			continue
		}
		r.lost = max(r.lost, killed.Sub(l.at))
		if killed.Sub(l.at) > mayLose {
			r.violate("recording of %q lacks %q, which its client had %s before the kill", s.command, l.text, killed.Sub(l.at).Round(time.Millisecond))
			return
		}
	}
}

// judgeRemote looks for what of the round still runs, on the target or here: it must be shown as unconfirmed.
func (w *world) judgeRemote(r *report, seen []*witness, rows map[string][]row) error {
	for _, s := range seen {
		if !s.steady && !s.local {
			continue
		}
		alive, err := w.alive(s)
		if err != nil {
			return err
		}
		if found := rows[s.command]; alive && (len(found) != 1 || found[0].Remote != "unconfirmed") {
			r.violate("%q still runs, and the index says %v", s.command, found)
		}
	}
	return nil
}

// alive says whether a session's command runs: on the target, or on this machine.
func (w *world) alive(s *witness) (bool, error) {
	if s.local {
		return localRuns(s.command)
	}
	found, err := w.gate.Hosts[targetName].Processes(s.command[len("count "):])
	for _, p := range found {
		if strings.Contains(strings.Join(p.Command, " "), "/count") {
			return true, err
		}
	}
	return false, err
}

// localRuns looks for a command line among this machine's processes.
func localRuns(command string) (bool, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false, fmt.Errorf("list processes: %w", err)
	}
	want := strings.ReplaceAll(command, " ", "\x00") + "\x00"
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if text, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline"); string(text) == want { // empty where it ended
			return true, nil
		}
	}
	return false, nil
}
