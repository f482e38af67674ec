package access

import (
	"time"
)

// holds reports whether somebody is away at that time.
func (a Away) holds(now time.Time) bool { return !now.Before(a.From) && now.Before(a.Until) }

// SetAway says who answers in somebody's place from now, or later if From says so. One that stands for the same person ends with it.
func (b *Book) SetAway(org Org, now time.Time, a Away) (Change, error) {
	if a.From.IsZero() {
		a.From = now
	}
	a.From, a.Until = a.From.UTC(), a.Until.UTC()
	if err := b.checkAway(org, now, a); err != nil {
		return Change{}, err
	}
	c := b.Return(a.Who)
	if len(b.aways)-len(c.Returned) >= MaxAways {
		return Change{}, full("%d people are away, which is the most", MaxAways)
	}
	c.Aways = []Away{a}
	return c, nil
}

func (b *Book) checkAway(org Org, now time.Time, a Away) error {
	if err := fresh(b.aways, "stand-in", "aw_", a.ID); err != nil {
		return err
	}
	switch {
	case a.Who == a.To:
		return invalid("nobody stands in for themselves")
	case a.Who == "" || !org.Enabled(a.Who):
		return refused("the policy does not let person:%s act", a.Who)
	case a.To == "" || !org.Enabled(a.To):
		return refused("the policy does not let person:%s act", a.To)
	case !a.Until.After(now) || !a.Until.After(a.From):
		return invalid("being away ends before it begins")
	case a.Until.Sub(now) > maxAway:
		return invalid("one is away for at most a year: name an end")
	}
	return nil
}

// Return ends whatever stands for somebody who was away.
func (b *Book) Return(who string) Change {
	c := b.change()
	for _, a := range sorted(b.aways) {
		if a.Who == who {
			c.Returned = append(c.Returned, a.ID)
		}
	}
	return c
}
