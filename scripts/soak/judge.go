package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/faultproxy"
	"gatehouse/internal/store"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder/audit"
)

// judge waits for the sessions to end, and returns everything that is wrong.
func (s *soak) judge(ctx context.Context) []string {
	s.front.Set(faultproxy.Trouble{})
	for _, p := range s.network {
		p.Set(faultproxy.Trouble{})
	}
	found := append([]string{}, s.problems...)
	rows, err := s.settle(ctx)
	if err != nil {
		return append(found, err.Error())
	}
	s.sessions = len(rows)
	found = append(found, s.flat()...)
	found = append(found, judgeIndex(rows)...)
	found = append(found, s.judgeRemains(rows)...)
	if err := s.gate.Stop(); err != nil { // so that the last entry is signed
		found = append(found, err.Error())
	}
	found = append(found, s.judgeLog(ctx, rows)...)
	return append(found, s.verify(ctx)...)
}

// settleTime is how long sessions may take to end when their clients have left.
const settleTime = 30 * time.Second

// settle lists all sessions when none is live any more, or when that takes too long.
func (s *soak) settle(ctx context.Context) ([]row, error) {
	if err := s.enrol(ctx); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(settleTime); ; pause(ctx, time.Second) {
		rows, err := s.index(ctx)
		live := 0
		for _, r := range rows {
			if r.State == string(store.Live) {
				live++
			}
		}
		if err == nil && live == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return rows, err
		}
	}
}

// index lists the sessions as on-call sees them.
func (s *soak) index(ctx context.Context) ([]row, error) {
	var all []row
	for before := ""; ; {
		line := "sessions list --json --limit 500"
		if before != "" {
			line += " --before " + before
		}
		r, err := s.gate.SSH(ctx, "ann", nil, "gatehouse", line)
		if err != nil {
			return nil, err
		}
		var page struct {
			Sessions []row  `json:"sessions"`
			Next     string `json:"next"`
		}
		if err := json.Unmarshal([]byte(r.Stdout), &page); err != nil || r.Status != 0 {
			return nil, fmt.Errorf("list sessions: status %d: %w: %s", r.Status, err, r.Stderr)
		}
		all = append(all, page.Sessions...)
		if before = page.Next; before == "" {
			return all, nil
		}
	}
}

// judgeIndex wants an end of every session. A command occurs once, but for those that have no name of their own.
func judgeIndex(rows []row) []string {
	var found []string
	seen := map[string]string{}
	for _, r := range rows {
		if r.State == string(store.Live) {
			found = append(found, fmt.Sprintf("session %s (%q) has no end in the index", r.ID, r.Command))
		}
		if !strings.Contains(r.Command, "tk") {
			continue
		}
		if other, twice := seen[r.Command]; twice {
			found = append(found, fmt.Sprintf("sessions %s and %s are both %q", other, r.ID, r.Command))
		}
		seen[r.Command] = r.ID
	}
	return found
}

// judgeRemains wants nothing to run any more but what is shown as unconfirmed.
func (s *soak) judgeRemains(rows []row) []string {
	unconfirmed := map[string]bool{}
	for _, r := range rows {
		if r.Remote == "unconfirmed" {
			for word := range strings.FieldsSeq(r.Command) {
				unconfirmed[word] = true
			}
		}
	}
	var found []string
	for _, name := range targetNames {
		all, err := s.host(name).Processes("tk")
		if err != nil {
			found = append(found, err.Error())
		}
		for _, p := range all {
			excused := false
			for _, word := range p.Command {
				excused = excused || unconfirmed[word]
			}
			if !excused {
				found = append(found, fmt.Sprintf("%q still runs on %s, and no session says unconfirmed", p.Command, name))
			}
		}
	}
	for _, r := range rows {
		if number, local := strings.CutPrefix(r.Command, "/bin/sleep "); local && localRuns(number) {
			found = append(found, fmt.Sprintf("%q still runs here", r.Command))
		}
	}
	return found
}

// judgeLog wants an end in the log of every session that is in the index, and of every one that was decided.
func (s *soak) judgeLog(ctx context.Context, rows []row) []string {
	dir := decider.LogDir(supervisor.DeciderDir(s.gate.Data))
	key, err := os.ReadFile(filepath.Join(dir, audit.VerifierFile))
	if err != nil {
		return []string{fmt.Sprintf("read the log's key: %v", err)}
	}
	ends, decided := map[string]int{}, map[string]bool{}
	_, err = audit.Scan(ctx, dir, strings.TrimSpace(string(key)), func(line []byte) error {
		var e audit.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		switch {
		case e.Session == "":
		case e.Type == audit.SessionEnd:
			ends[e.Session]++
		case e.Type == audit.Decision:
			decided[e.Session] = true
		}
		return nil
	})
	if err != nil {
		return []string{fmt.Sprintf("read the log: %v", err)}
	}
	for _, r := range rows {
		decided[r.ID] = true
	}
	var found []string
	for id := range decided {
		if ends[id] != 1 {
			found = append(found, fmt.Sprintf("session %s has %d ends in the log", id, ends[id]))
		}
	}
	return found
}

// verify wants `gatehouse audit verify` to find everything whole.
func (s *soak) verify(ctx context.Context) []string {
	r, err := s.gate.Run(ctx, "audit", "verify", "--data", s.gate.Data)
	switch {
	case err != nil || r.Status != 0:
		return []string{fmt.Sprintf("audit verify: status %d: %v: %s%s", r.Status, errors.Join(err), r.Stdout, r.Stderr)}
	case !strings.Contains(r.Stdout, " 0 unfinished,"):
		return []string{"audit verify: recordings are unfinished although no session is live: " + r.Stdout}
	}
	fmt.Println("\n" + strings.TrimSpace(r.Stdout))
	return nil
}
