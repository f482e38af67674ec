package main

import (
	"testing"

	"gatehouse/policy"
)

// TestRulebook: the policy parses with as many rules as it says, and the cases are decided as their names say.
func TestRulebook(t *testing.T) {
	for _, size := range []int{10, 200} {
		book := newRulebook(size)
		if len(book.rules) != size {
			t.Errorf("%d rules instead of %d", len(book.rules), size)
		}
		p, err := book.policy("")
		if err != nil {
			t.Fatal(err)
		}
		want := []policy.Verdict{policy.Allow, policy.Allow, policy.Deny, policy.Deny, policy.Allow}
		for i, c := range book.cases() {
			if d := p.Decide(c.request); d.Verdict != want[i] {
				t.Errorf("%s: %+v", c.name, d)
			}
		}
		allowed := 0
		for _, c := range book.sample(400) {
			if p.Decide(c.request).Verdict == policy.Allow {
				allowed++
			}
		}
		if allowed < 100 || allowed > 300 {
			t.Errorf("%d of 400 are allowed", allowed)
		}
	}
}
