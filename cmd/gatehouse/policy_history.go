package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
	"gatehouse/policy/lab"
	"gatehouse/recorder/audit"
)

// HistoryFlags name what was decided: a data folder, and how far back.
type HistoryFlags struct {
	Log   string `type:"existingdir" placeholder:"DATA" help:"The data folder of Gatehouse, whose audit log is read."`
	Since age    `default:"30d" help:"How far back: 30d, 12h."`
}

// errNoPlan marks an entry that is no decision on a command.
var errNoPlan = errors.New("no plan")

// history reads the decisions from the audit log, newest first. skipped counts those without a plan: what the door refused by
// itself. Nothing is verified (gatehouse audit verify does that). nil if no log is named.
func (f HistoryFlags) history(skipped *int) lab.History {
	if f.Log == "" {
		return nil
	}
	return func(yield func(lab.Record, error) bool) {
		err := f.decisions(func(e audit.Entry) error {
			r, err := record(e)
			if errors.Is(err, errNoPlan) {
				*skipped++
				return nil
			}
			if err != nil || !yield(r, nil) {
				return errors.Join(err, errEnough)
			}
			return nil
		}, `"type":"decision"`)
		if err != nil && !errors.Is(err, errEnough) {
			yield(lab.Record{}, err)
		}
	}
}

// errEnough ends the reading of the log.
var errEnough = errors.New("enough")

// decisions hands on the entries of one type, newest first, and shows how far it is.
func (f HistoryFlags) decisions(each func(audit.Entry) error, marker string) error {
	now := time.Now()
	bar := newBar("reading the log", now)
	defer bar.end()
	since := now.Add(-time.Duration(f.Since))
	dir := decider.LogDir(supervisor.DeciderDir(f.Log))
	err := audit.Tail(dir, since, []byte(marker), math.MaxInt64, func(e audit.Entry) error {
		bar.at(int(now.Sub(e.Time)/time.Second), int(time.Duration(f.Since)/time.Second))
		return each(e)
	})
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w (run this as root)", err)
	}
	return err
}

// decided is what the entries of decisions have as data.
type decided struct {
	Plan  *policy.Plan    `json:"plan"`
	PTY   bool            `json:"pty"`
	Env   []policy.EnvVar `json:"env"`
	Rules []string        `json:"rules"`
	Code  policy.Code     `json:"code"`
	Facts *policy.Facts   `json:"facts"`

	Labels map[string]string `json:"labels"`
	Source string            `json:"source"`
	Step   *policy.Step      `json:"step"` // of a command of a governed shell

	Granted []policy.Granted `json:"granted"` // roles that were held for a time
	Grants  []string         `json:"grants"`  // what was used
}

func record(e audit.Entry) (lab.Record, error) {
	var d decided
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return lab.Record{}, fmt.Errorf("entry %d of the log: %w", e.Seq, err)
	}
	if d.Plan == nil || e.Type != audit.Decision {
		return lab.Record{}, errNoPlan
	}
	kind, name, _ := strings.Cut(e.Actor, ":")
	id := policy.Identity{Kind: policy.Kind(kind), Name: name, Owner: e.Owner, Task: e.Task, Delegation: e.Via}
	r := lab.Record{Time: e.Time, Verdict: policy.Verdict(e.Outcome), Code: d.Code, Rules: d.Rules,
		Request: policy.Request{Identity: id, Target: e.Target, Labels: d.Labels, Login: policy.Login(e.Login), Plan: *d.Plan, Env: d.Env, PTY: d.PTY, Source: d.Source, Now: e.Time, Granted: d.Granted, Step: d.Step}}
	r.Approved = len(d.Grants) > 0 && r.Verdict == policy.Allow
	if d.Facts != nil {
		r.Request.Facts = *d.Facts
	}
	return r, nil
}

// progressBar shows how far something is, once it has taken a second, on a terminal.
type progressBar struct {
	what        string
	begun, last time.Time
	shown       bool
	terminal    bool
}

func newBar(what string, now time.Time) *progressBar {
	st, err := os.Stderr.Stat()
	return &progressBar{what: what, begun: now, last: now, terminal: err == nil && st.Mode()&os.ModeCharDevice != 0}
}

func (b *progressBar) at(done, total int) {
	now := time.Now()
	if !b.terminal || total <= 0 || now.Sub(b.begun) < time.Second || now.Sub(b.last) < 200*time.Millisecond {
		return
	}
	b.last, b.shown = now, true
	const width = 30
	full := min(width, width*done/total)
	fmt.Fprintf(os.Stderr, "\r%s [%s%s] %3d %%", b.what, strings.Repeat("█", full), strings.Repeat(" ", width-full), min(100, 100*done/total))
}

func (b *progressBar) end() {
	if b.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
