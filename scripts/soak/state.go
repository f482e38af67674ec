package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// state is what a soak knows from one leg to the next.
type state struct {
	Seed       uint64
	Elapsed    time.Duration
	Legs       int
	Rounds     map[string]*tally
	Faults     map[string]int
	Sessions   int
	Violations []string
}

// tally counts the rounds of one kind of work.
type tally struct{ Right, Excused, Wrong int }

// maxViolations is how many are kept and printed.
const maxViolations = 200

func loadState(o options) (*state, error) {
	st := &state{Seed: o.seed, Rounds: map[string]*tally{}, Faults: map[string]int{}}
	text, err := os.ReadFile(filepath.Join(o.dir, "state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(text, st); err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if st.Seed != o.seed {
		return nil, fmt.Errorf("%s is the state of seed %d: go on with that, or take another folder", o.dir, st.Seed)
	}
	return st, nil
}

func (st *state) save(dir string) error {
	text, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "state.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return os.Rename(path+".new", path)
}

// add takes over what a leg did and what was wrong with it.
func (st *state) add(s *soak, violations []string) {
	for _, r := range s.rounds {
		t := st.Rounds[r.work]
		if t == nil {
			t = &tally{}
			st.Rounds[r.work] = t
		}
		switch {
		case r.wrong != "":
			t.Wrong++
		case r.excused:
			t.Excused++
		default:
			t.Right++
		}
	}
	for _, win := range s.windows {
		st.Faults[win.kind]++
	}
	st.Sessions += s.sessions
	st.Violations = append(st.Violations, violations...)
	st.Violations = st.Violations[:min(len(st.Violations), maxViolations)]
}

// verdict prints the table. It is an error if anything was wrong.
func (st *state) verdict(dir string, keep bool) error {
	fmt.Printf("\n%-12s %8s %8s %8s\n", "work", "right", "excused", "wrong")
	for _, name := range slices.Sorted(maps.Keys(st.Rounds)) {
		t := st.Rounds[name]
		fmt.Printf("%-12s %8d %8d %8d\n", name, t.Right, t.Excused, t.Wrong)
	}
	fmt.Printf("\n%-16s %6s\n", "fault", "times")
	for _, name := range slices.Sorted(maps.Keys(st.Faults)) {
		fmt.Printf("%-16s %6d\n", name, st.Faults[name])
	}
	fmt.Printf("\n%s in %d legs, %d sessions, %d violations\n", st.Elapsed.Round(time.Second), st.Legs, st.Sessions, len(st.Violations))
	for _, v := range st.Violations {
		fmt.Println("  VIOLATED", v)
	}
	if len(st.Violations) > 0 {
		return fmt.Errorf("%d violations; everything is kept in %s, repeat with -seed %d", len(st.Violations), dir, st.Seed)
	}
	if keep {
		return nil
	}
	return os.RemoveAll(dir)
}
