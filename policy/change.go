package policy

import (
	"time"
)

// changeDays is how far the next opening or closing of a window is searched: two weeks and the days at both ends, as a window of one day a
// week may fall into the hour that the clock leaves out.
const changeDays = 16

// NextChange returns the next moment after now at which a window of some role opens or closes, or a freeze begins or ends: what is decided
// may change then by itself. ok is false if the policy has none within the next two weeks for windows, or at all for freezes. Conditions
// (when) that look at the time are not known.
func (p *Policy) NextChange(now time.Time) (next time.Time, ok bool) {
	sooner := func(at time.Time) {
		if at.After(now) && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	for _, f := range p.freezes {
		sooner(f.from)
		sooner(f.to)
	}
	for _, w := range p.distinctWindows() {
		if at, found := w.nextChange(now); found {
			sooner(at)
		}
	}
	return next.UTC(), ok
}

// distinctWindows are the windows of all roles.
func (p *Policy) distinctWindows() []window {
	var list []window
	for _, r := range p.roles {
		list = append(list, r.windows...)
	}
	return list
}

// nextChange returns the first moment after now at which the window opens or closes. It can only be when the clock on the wall shows one of
// its ends, or when the clock is changed.
func (w window) nextChange(now time.Time) (next time.Time, ok bool) {
	consider := func(at time.Time) {
		if at.After(now) && (!ok || at.Before(next)) && w.open(at) != w.open(at.Add(-time.Nanosecond)) {
			next, ok = at, true
		}
	}
	local := now.In(w.zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	for day := -1; day <= changeDays; day++ {
		for _, end := range []time.Duration{w.from, w.to} {
			for _, at := range momentsOf(midnight.AddDate(0, 0, day).Add(end), w.zone) {
				consider(at)
			}
		}
	}
	last := now.AddDate(0, 0, changeDays)
	for at, zone := now, now.In(w.zone); at.Before(last); {
		_, end := zone.ZoneBounds()
		if end.IsZero() {
			break
		}
		consider(end)
		at, zone = end, end
	}
	return next, ok
}
