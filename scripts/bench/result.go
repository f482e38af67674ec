package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// result is one line of the table. Jump and Direct are absent where there is nothing to compare with. Ratio is Ours to what
// the goal speaks of; Goal is a bound on the ratio, or on Ours where there is no ratio.
type result struct {
	Name   string   `json:"name"`
	Unit   string   `json:"unit"`
	Ours   float64  `json:"ours"`
	Jump   *float64 `json:"jump"`
	Direct *float64 `json:"direct"`
	Ratio  *float64 `json:"ratio"`
	Goal   string   `json:"goal"`
	Met    bool     `json:"met"`
}

// bound is a goal: at most or at least a number.
type bound struct {
	least bool
	n     float64
}

func atMost(n float64) bound  { return bound{false, n} }
func atLeast(n float64) bound { return bound{true, n} }

func (b bound) met(v float64) bool {
	if b.least {
		return v >= b.n
	}
	return v <= b.n
}

func (b bound) String() string {
	if b.least {
		return "≥ " + number(b.n)
	}
	return "≤ " + number(b.n)
}

// compared is a result whose goal is a ratio to the jump host or to the direct connection.
func compared(name, unit string, ours float64, jump, direct *float64, goal bound, to *float64, word string) result {
	r := result{Name: name, Unit: unit, Ours: rounded(ours), Jump: round(jump), Direct: round(direct), Goal: goal.String() + " × " + word}
	if to != nil && *to > 0 {
		ratio := rounded(ours / *to)
		r.Ratio, r.Met = &ratio, goal.met(ours / *to)
	}
	return r
}

// absolute is a result whose goal is a number of its own unit.
func absolute(name, unit string, ours float64, jump, direct *float64, goal bound) result {
	return result{Name: name, Unit: unit, Ours: rounded(ours), Jump: round(jump), Direct: round(direct), Goal: goal.String(), Met: goal.met(ours)}
}

// noGoal stands where there is none.
const noGoal = "–"

// priced is a result without a goal: it is there to be looked at.
func priced(name, unit string, ours float64, jump, direct *float64) result {
	return result{Name: name, Unit: unit, Ours: rounded(ours), Jump: round(jump), Direct: round(direct), Goal: noGoal, Met: true}
}

func rounded(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func round(v *float64) *float64 {
	if v == nil {
		return nil
	}
	n := rounded(*v)
	return &n
}

func number(v float64) string { return fmt.Sprintf("%.4g", v) }

func optional(v *float64) string {
	if v == nil {
		return "–"
	}
	return number(*v)
}

// table renders results for people.
func table(all []result) string {
	var sb strings.Builder
	tw := tabwriter.NewWriter(&sb, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "\tunit\tours\tjump\tdirect\tratio\tgoal\tmet")
	for _, r := range all {
		met := "yes"
		switch {
		case r.Goal == noGoal:
			met = noGoal
		case !r.Met:
			met = "NO"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Unit, number(r.Ours), optional(r.Jump), optional(r.Direct), optional(r.Ratio), r.Goal, met)
	}
	_ = tw.Flush() // a strings.Builder takes everything
	return sb.String()
}

// median is the middle of samples, the upper one of two.
func median(samples []float64) float64 { return quantile(samples, 0.5) }

func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
