package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// maxFreezes bounds the freezes of a policy.
const maxFreezes = 1000

// freeze is a time in which nothing happens on some targets, but by roles with in_freeze and by break-glass.
type freeze struct {
	targets  []targetMatch
	from, to time.Time
	reason   string
	at       place
}

func (f *freeze) holds(target string, labels map[string]string, now time.Time) bool {
	return !now.Before(f.from) && now.Before(f.to) && slices.ContainsFunc(f.targets, func(m targetMatch) bool { return m.matches(target, labels) })
}

func (f *freeze) text() string {
	return fmt.Sprintf("nothing is changed here until %s: %s", f.to.UTC().Format(time.RFC3339), f.reason)
}

// frozen is the freeze of a target that ends last, nil if there is none.
func (p *Policy) frozen(target string, labels map[string]string, now time.Time) *freeze {
	var last *freeze
	for i := range p.freezes {
		if f := &p.freezes[i]; f.holds(target, labels, now) && (last == nil || f.to.After(last.to) || f.to.Equal(last.to) && f.reason < last.reason) {
			last = f
		}
	}
	return last
}

func (p *Policy) freezeOf(r *Request) *freeze { return p.frozen(r.Target, r.Labels, r.Now) }

// Frozen reports whether a freeze is on for a target, and why, in one line for whoever comes.
func (p *Policy) Frozen(target string, labels map[string]string, now time.Time) (reason string, ok bool) {
	f := p.frozen(target, labels, now)
	if f == nil {
		return "", false
	}
	return f.text(), true
}

// readFreezes reads the freezes section.
func (b *builder) readFreezes(v value) {
	for _, item := range v.list() {
		item.what = "a freeze"
		if len(b.policy.freezes) == maxFreezes {
			item.problem("a policy has at most %d freezes", maxFreezes)
			return
		}
		f := freeze{at: item.at()}
		var from, to *value
		var zone *time.Location
		item.fields(map[string]func(value){
			"targets": func(v value) { f.targets = readTargets(v) },
			"from":    func(v value) { from = &v },
			"to":      func(v value) { to = &v },
			"tz":      func(v value) { zone = readZone(v) },
			"reason":  func(v value) { f.reason, _ = v.checked(validReason, "a reason is one line of at most 200 bytes") },
		})
		if from == nil || to == nil || len(f.targets) == 0 || f.reason == "" {
			item.problem(`a freeze needs targets, from, to and a reason, as in {targets: ["*"], from: "2026-12-23 18:00", to: "2027-01-02 06:00", tz: Europe/Berlin, reason: "the year's end"}`)
			continue
		}
		var fromOK, toOK bool
		f.from, fromOK = readMoment(*from, zone, false)
		f.to, toOK = readMoment(*to, zone, true)
		if fromOK && toOK && !f.from.Before(f.to) {
			item.problem("a freeze that ends before it begins is never on")
		}
		b.policy.freezes = append(b.policy.freezes, f)
	}
}

// readMoment reads a time of RFC 3339, or one by the clock on the wall of a zone. Of two moments at which the clock shows that time, or of
// those around it if it never does, late takes the later one.
func readMoment(v value, zone *time.Location, late bool) (time.Time, bool) {
	text, ok := v.text()
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, text)
	if err == nil {
		return at, true
	}
	wall, err := time.Parse("2006-01-02 15:04", text)
	if err != nil || zone == nil {
		v.problem(`%q cannot be %s: write a time in quotes, as in "2026-12-23T18:00:00+01:00", or "2026-12-23 18:00" with tz: Europe/Berlin`, text, v.what)
		return time.Time{}, false
	}
	moments := momentsOf(wall, zone)
	if late {
		return moments[len(moments)-1], true
	}
	return moments[0], true
}

// momentsOf returns when the clock on the wall of a zone shows a time, in order: once, twice in the night on which it is put back; and
// if it never does, the two moments that it could have been. wall is that time as if in UTC.
func momentsOf(wall time.Time, zone *time.Location) []time.Time {
	var shown, could []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		could = append(could, at)
		if _, really := at.In(zone).Zone(); really == offset {
			shown = append(shown, at)
		}
	}
	if len(shown) == 0 {
		shown = could
	}
	slices.SortFunc(shown, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
	return slices.CompactFunc(shown, time.Time.Equal)
}
