package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/policy"
)

// How a day's decisions are timed: in rounds, in which Gatehouse and Open Policy Agent take turns.
const (
	rounds     = 40
	ourTurns   = 500 // timed calls of one case a round: 20,000 in all
	theirTurns = 50  // it is slower
	warmUp     = 10  // calls of a turn that are not counted: whoever ran before has left the caches cold. The first has a row of its own
)

// measureDecision times policy decisions, and those of Open Policy Agent by the same rules in two forms, on the same requests.
func measureDecision(ctx context.Context, w *world) ([]result, error) {
	decider.CollectLess() // as the process that decides does
	binary, err := buildOPA(ctx, w.dir)
	if err != nil {
		return nil, err
	}
	var out []result
	for _, size := range []int{10, 10_000} {
		found, err := decisionsAmong(ctx, w, binary, size)
		if err != nil {
			return nil, fmt.Errorf("%d rules: %w", size, err)
		}
		out = append(out, found...)
	}
	price, err := conditionPrice(w)
	if err != nil {
		return nil, err
	}
	return append(out, priced("what a when adds to a decision", "µs", price, nil, nil)), nil
}

// decisionsAmong compares the answers, then takes the times, with so many rules.
func decisionsAmong(ctx context.Context, w *world, binary string, size int) (out []result, err error) {
	book := newRulebook(size)
	ours, err := book.policy("")
	if err != nil {
		return nil, err
	}
	cases := book.cases()
	all := slices.Concat(cases, book.sample(w.n(1000)))
	theirs, err := startOPA(ctx, binary, book, all)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, theirs.close()) }()
	if err := agree(ours, theirs, all); err != nil {
		return nil, err
	}
	times := map[string]map[string][]float64{}
	for range w.n(rounds) {
		for i, c := range cases {
			if times[c.name] == nil {
				times[c.name] = map[string][]float64{}
			}
			t := times[c.name]
			turn := timeOurs(ours, c.request, warmUp+ourTurns)
			t["ours"], t["first"] = append(t["ours"], turn[warmUp:]...), append(t["first"], turn[0])
			for _, set := range ruleSets {
				taken, err := theirs.take(set, i, warmUp+theirTurns)
				if err != nil {
					return nil, err
				}
				t[set] = append(t[set], taken.micros()[warmUp:]...)
			}
		}
	}
	return decisionRows(size, cases, times), nil
}

// agree compares the answers to every question.
func agree(ours *policy.Policy, theirs *opa, cases []decisionCase) error {
	allowed := 0
	for i, c := range cases {
		d := ours.Decide(c.request)
		if d.Verdict != policy.Allow && d.Verdict != policy.Deny {
			return fmt.Errorf("%v is not decided: %+v", c.request.Plan.Commands(), d)
		}
		if d.Verdict == policy.Allow {
			allowed++
		}
		for _, set := range ruleSets {
			taken, err := theirs.take(set, i, 1)
			if err != nil {
				return err
			}
			if taken.Allowed != (d.Verdict == policy.Allow) {
				return fmt.Errorf("%q: Gatehouse says %s (%s), Open Policy Agent by %s %v", c.request.Plan.Commands(), d.Verdict, d.Reason, set, taken.Allowed)
			}
		}
	}
	if allowed < len(cases)/10 || allowed > len(cases)*9/10 {
		return fmt.Errorf("%d of %d requests are allowed: that compares little", allowed, len(cases))
	}
	return nil
}

// timeOurs times single calls, in µs.
func timeOurs(p *policy.Policy, r policy.Request, times int) []float64 {
	taken := make([]float64, times)
	for i := range taken {
		begun := time.Now()
		p.Decide(r)
		taken[i] = float64(time.Since(begun).Nanoseconds()) / 1000
	}
	return taken
}

// decisionRows has the single commands together, with the goals, and each case.
func decisionRows(size int, cases []decisionCase, times map[string]map[string][]float64) []result {
	single := map[string][]float64{}
	var each []result
	for _, c := range cases {
		t := times[c.name]
		p := func(who string) *float64 { m := median(t[who]); return &m }
		each = append(each, priced(fmt.Sprintf("– among %d: %s, p50", size, c.name), "µs", *p("ours"), p(ruleSets[0]), p(ruleSets[1])))
		if len(c.request.Plan.Parts) > 0 {
			continue
		}
		for who, samples := range t {
			single[who] = append(single[who], samples...)
		}
	}
	row := func(word string, q float64, goal bound) result {
		p := func(who string) *float64 { v := quantile(single[who], q); return &v }
		return absolute(fmt.Sprintf("policy decision among %d rules, %s (jump: OPA, a rule each; direct: OPA, by data)", size, word), "µs",
			*p("ours"), p(ruleSets[0]), p(ruleSets[1]), goal)
	}
	first := priced(fmt.Sprintf("– among %d: the first after another program ran, p50", size), "µs", median(single["first"]), nil, nil)
	return append([]result{row("p50", 0.5, atMost(5)), row("p99", 0.99, atMost(20)), first}, each...)
}

// conditionPrice is what the same decision takes more where its rule has a condition, in µs.
func conditionPrice(w *world) (float64, error) {
	book := newRulebook(10)
	plain, err := book.policy("")
	if err != nil {
		return 0, err
	}
	conditional, err := book.policy(`in_network(request.source, "10.0.0.0/8") && target.labels["env"] == "staging"`)
	if err != nil {
		return 0, err
	}
	simple := book.cases()[0].request
	if d := conditional.Decide(simple); d.Verdict != policy.Allow {
		return 0, fmt.Errorf("with a condition: %s", d.Reason)
	}
	var without, with []float64
	for range w.n(rounds) {
		without = append(without, timeOurs(plain, simple, ourTurns)...)
		with = append(with, timeOurs(conditional, simple, ourTurns)...)
	}
	return median(with) - median(without), nil
}
