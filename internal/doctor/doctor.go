// Package doctor looks for the commonest mistakes of an installation and says how each is cured. It changes nothing, and
// trusts nothing that it finds to be what it is called: what comes from clients, targets and files is cut and made visible.
//
// Each check has an id that stays what it is: programs may rely on it. What could not be looked at is said, and is not "ok".
package doctor

import (
	"context"
	"fmt"
	"time"

	"gatehouse/bastion/target/check"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// Level is how bad a finding is.
type Level string

// The levels. A failure keeps something from working or opens what must be closed; a warning will one day.
const (
	Fail    Level = "fail"
	Warn    Level = "warn"
	Unknown Level = "not checked"
)

// Finding is a mistake, and what is to be done.
type Finding struct {
	ID    string `json:"id"`
	Level Level  `json:"level"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"`
}

// Check is one kind of mistake.
type Check struct {
	ID    string
	Title string // what is right, in a few words
	run   func(context.Context, *Patient) []Finding
}

// Patient is the installation. Fields that are nil could not be had; the checks that need them say so or have nothing to look at.
type Patient struct {
	ConfigPath string
	Settings   config.Config
	ConfigErr  error // then nothing else is looked at
	Inventory  config.Inventory
	Policy     *policy.Policy
	PolicyErr  error                    // of the files on disk
	PolicyText []policy.File            // of those files
	Status     *protocol.Status         // of the running service; nil: none runs
	Alerts     []console.AlertTested    // how the channels of alerts answer; nil: none runs, or there are none
	Processes  map[string]int           // "supervisor", "decider", "door": their ids
	Targets    []check.Report           // what targets check found; nil: not asked for
	LastEntry  time.Time                // the newest entry of the audit log
	Backup     time.Time                // when the last one was taken; zero: never
	BackupAge  time.Duration            // how old that may be
	Faces      func() ([]string, error) // the names in the face certificate that the running door shows
	Now        func() time.Time
	Kernel     Kernel
}

// Kernel is what is asked of the machine.
type Kernel struct {
	Landlock func() (int, error)         // the version of its interface
	Synced   func() (ok bool, err error) // whether something keeps the clock right
	Account  func(uid uint32) (name, home string, ok bool)
	User     func(name string) bool
	Lookup   func(ctx context.Context, host string) error
	Free     func(path string) (uint64, error)
	Shell    func(uid uint32) error // starts a process of a governed shell, as a user (0: this one), and ends it; nil: it is not asked
	Zone     string                 // of the machine
}

// Result is what one check found.
type Result struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings,omitempty"`
}

// checks are all of them, in the order in which mistakes are best cured.
func checks() []Check {
	return append(append(machineChecks(), policyChecks()...), outsideChecks()...)
}

// IDs are the ids of the checks.
func IDs() []string {
	var out []string
	for _, c := range checks() {
		out = append(out, c.ID)
	}
	return out
}

// Examine runs those of the checks that want names, or all. A configuration that cannot be read is the only finding then.
func Examine(ctx context.Context, p *Patient, wanted func(id string) bool) []Result {
	var out []Result
	for _, c := range checks() {
		if !wanted(c.ID) {
			continue
		}
		if p.ConfigErr != nil && c.ID != "config.invalid" {
			continue
		}
		r := Result{ID: c.ID, Title: c.Title, Findings: c.run(ctx, p)}
		for i := range r.Findings {
			r.Findings[i].ID = c.ID
			r.Findings[i].Says = shown(r.Findings[i].Says)
		}
		r.OK = len(r.Findings) == 0
		out = append(out, r)
	}
	return out
}

// Healthy reports whether nothing was found that is worse than a warning.
func Healthy(results []Result) bool {
	for _, r := range results {
		for _, f := range r.Findings {
			if f.Level == Fail {
				return false
			}
		}
	}
	return true
}

// maxSays bounds what a finding says: words of others may be in it.
const maxSays = 600

func shown(s string) string {
	if len(s) > maxSays {
		s = s[:maxSays] + "…"
	}
	return answer.Visible(s)
}

func finding(level Level, do, format string, args ...any) Finding {
	return Finding{Level: level, Says: fmt.Sprintf(format, args...), Do: do}
}

func one(level Level, do, format string, args ...any) []Finding {
	return []Finding{finding(level, do, format, args...)}
}
