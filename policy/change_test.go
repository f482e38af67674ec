package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

// timed is a policy whose one role has windows, and perhaps freezes.
func timed(t fataler, windows, freezes string) *policy.Policy {
	text := "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web, always, deputy]}}\n" + freezes + `
roles:
  web: {targets: ["web-*"], logins: [deploy], windows: [` + windows + `], allow: [uptime]}
  always: {targets: ["db-*"], logins: [deploy], allow: [uptime], deny: [reboot]}
  deputy: {targets: ["db-*"], logins: [root], in_freeze: true, allow: [uptime]}
`
	p, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(text)}})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func open(p *policy.Policy, at time.Time) bool {
	r := asked("web-1", "deploy", "uptime")
	r.Now = at
	return p.Decide(r).Verdict == policy.Allow
}

func utc(text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return at
}

// TestWindowsInTheNightsOfTheClock: the clock on the wall decides. Each row has a window and every moment, in UTC, at which it opens or
// closes from the first one on.
func TestWindowsInTheNightsOfTheClock(t *testing.T) {
	for name, row := range map[string]struct {
		window  string
		changes string // the first is where the search begins
		opens   bool   // at the first change
	}{
		"a night of maintenance is an hour shorter in spring": {`{days: [sat], from: "22:00", to: "04:00", tz: Europe/Berlin}`,
			"2026-03-28 00:00, 2026-03-28 21:00, 2026-03-29 02:00, 2026-04-04 20:00", true},
		"and an hour longer in autumn": {`{days: [sat], from: "22:00", to: "04:00", tz: Europe/Berlin}`,
			"2026-10-24 00:00, 2026-10-24 20:00, 2026-10-25 03:00, 2026-10-31 21:00", true},
		"what the clock leaves out is not opened": {`{days: [sun], from: "02:10", to: "02:50", tz: Europe/Berlin}`,
			"2026-03-28 00:00, 2026-04-05 00:10, 2026-04-05 00:50", true},
		"what the clock jumps over is closed when it jumps": {`{days: [sun], from: "01:00", to: "02:30", tz: Europe/Berlin}`,
			"2026-03-28 00:00, 2026-03-29 00:00, 2026-03-29 01:00, 2026-04-04 23:00", true},
		"what the clock jumps into is opened when it jumps": {`{days: [sun], from: "02:30", to: "05:00", tz: Europe/Berlin}`,
			"2026-03-28 00:00, 2026-03-29 01:00, 2026-03-29 03:00, 2026-04-05 00:30", true},
		"what the clock shows twice is open twice": {`{days: [sun], from: "02:00", to: "02:30", tz: Europe/Berlin}`,
			"2026-10-24 00:00, 2026-10-25 00:00, 2026-10-25 00:30, 2026-10-25 01:00, 2026-10-25 01:30, 2026-11-01 01:00", true},
		"a shift of half an hour, backwards": {`{days: [sun], from: "01:30", to: "01:45", tz: Australia/Lord_Howe}`,
			"2026-04-04 00:00, 2026-04-04 14:30, 2026-04-04 14:45, 2026-04-04 15:00, 2026-04-04 15:15, 2026-04-11 15:00", true},
		"a shift of half an hour, forwards": {`{days: [sun], from: "02:00", to: "02:40", tz: Australia/Lord_Howe}`,
			"2026-10-03 00:00, 2026-10-03 15:30, 2026-10-03 15:40, 2026-10-10 15:00", true},
		"a shift at midnight": {`{days: [sat, sun], from: "00:00", to: "24:00", tz: America/Santiago}`,
			"2026-09-04 00:00, 2026-09-05 04:00, 2026-09-07 03:00, 2026-09-12 03:00", true},
		"windows that meet do not close": {`{from: "00:00", to: "12:00"}, {from: "12:00", to: "24:00"}`, "2026-09-04 00:00", true},
	} {
		p := timed(t, row.window, "")
		moments := strings.Split(row.changes, ", ")
		now := utc(moments[0])
		for i, want := range moments[1:] {
			got, ok := p.NextChange(now)
			if !ok || !got.Equal(utc(want)) {
				t.Errorf("%s: after %s comes %s, want %s", name, now, got, want)
				break
			}
			opens := row.opens == (i%2 == 0)
			if open(p, got) != opens || open(p, got.Add(-time.Nanosecond)) == opens {
				t.Errorf("%s: at %s it is open: %v", name, want, open(p, got))
			}
			now = got
		}
	}
}

// TestNextChangeMissesNothing: between now and the next change nothing changes, at it something does, in whatever zone; held against
// a walk from minute to minute.
func TestNextChangeMissesNothing(t *testing.T) {
	zones := []string{"Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "UTC", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns"}
	starts := []string{"2026-03-27 00:00", "2026-10-23 00:00", "2026-04-03 00:00", "2026-10-02 00:00", "2026-09-03 00:00", "2026-02-13 00:00", "2026-06-01 00:00"}
	clock := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.SampledFrom([]int{0, 15, 30, 59}).Draw(t, "minute"))
	})
	rapid.Check(t, func(t *rapid.T) {
		from, to := clock.Draw(t, "from"), clock.Draw(t, "to")
		if from == to {
			to = "24:00"
		}
		days := rapid.SampledFrom([]string{"", "days: [sun], ", "days: [sat, sun], ", "days: [mon, wed], "}).Draw(t, "days")
		p := timed(t, fmt.Sprintf("{%sfrom: %q, to: %q, tz: %s}", days, from, to, rapid.SampledFrom(zones).Draw(t, "zone")), "")
		now := utc(rapid.SampledFrom(starts).Draw(t, "start")).Add(time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, "minutes")) * time.Minute)
		next, ok := p.NextChange(now)
		is := open(p, now)
		end := now.Add(4 * 24 * time.Hour)
		if ok && next.Before(end) {
			end = next
			if open(p, next) == is {
				t.Fatalf("at %s nothing changes", next)
			}
		}
		for at := now; at.Before(end); at = at.Add(5 * time.Minute) {
			if open(p, at) != is {
				t.Fatalf("it changes before %s, and the next change after %s is said to be %s", at, now, next)
			}
		}
	})
}

// TestFreezes: a freeze cuts windows, stops what no role with in_freeze allows, and lets nobody past its deny rules; break-glass goes on.
func TestFreezes(t *testing.T) {
	p := timed(t, `{from: "08:00", to: "17:00"}`, `freezes:
  - {targets: ["*"], from: "2026-12-23 18:00", to: "2026-12-24 12:00", tz: Europe/Berlin, reason: "the year's end"}
  - {targets: [{labels: {env: prod}}], from: "2026-12-24T10:00:00Z", to: "2026-12-25T00:00:00+01:00", reason: "no releases"}
`)
	at := func(when string, target string, login policy.Login, argv ...string) policy.Decision {
		r := asked(target, login, argv...)
		r.Now = utc(when)
		return p.Decide(r)
	}
	for _, row := range []struct {
		when, target string
		login        policy.Login
		reason       string // of what is denied
	}{
		{"2026-12-23 16:59", "web-1", "deploy", ""},
		{"2026-12-23 16:59", "db-1", "deploy", ""},
		{"2026-12-23 17:00", "db-1", "deploy", "until 2026-12-24T11:00:00Z: the year's end"},
		{"2026-12-23 17:00", "web-1", "deploy", "applies every day from 08:00 to 17:00"},
		{"2026-12-24 10:59", "web-1", "deploy", "the year's end"},
		{"2026-12-24 11:00", "web-1", "deploy", ""},
		{"2026-12-23 20:00", "db-1", "root", ""},
	} {
		d := at(row.when, row.target, row.login, "uptime")
		if (d.Verdict == policy.Allow) != (row.reason == "") || !strings.Contains(d.Reason, row.reason) || row.reason != "" && d.Code != policy.CodeOutsideWindow {
			t.Errorf("%+v: %+v", row, d)
		}
	}
	if reason, ok := p.Frozen("x-1", map[string]string{"env": "prod"}, utc("2026-12-24 10:30")); !ok || !strings.Contains(reason, "no releases") {
		t.Errorf("of two freezes the one that ends last: %q %v", reason, ok)
	}
	if reason, ok := p.Frozen("x-1", nil, utc("2026-12-24 11:30")); ok {
		t.Errorf("without the label: %q", reason)
	}
	next := []string{"2026-12-23 17:00", "2026-12-24 08:00", "2026-12-24 10:00", "2026-12-24 11:00", "2026-12-24 17:00", "2026-12-24 23:00"}
	for now := utc("2026-12-23 16:00"); len(next) > 0; next = next[1:] {
		if got, ok := p.NextChange(now); !ok || !got.Equal(utc(next[0])) {
			t.Fatalf("after %s comes %s, want %s", now, got, next[0])
		}
		now = utc(next[0])
	}
}

// TestAFreezeStopsGrantsButNotBreakGlass also shows that a role which a freeze stops still denies.
func TestAFreezeStopsGrantsButNotBreakGlass(t *testing.T) {
	p := timed(t, `{from: "00:00", to: "24:00"}`, `freezes: [{targets: ["*"], from: "2026-12-23T18:00:00Z", to: "2026-12-24T12:00:00Z", reason: "stop"}]`)
	r := asked("web-1", "deploy", "uptime")
	r.Now = utc("2026-12-23 19:00")
	r.Granted = []policy.Granted{{ID: "gr_1", Role: "web", Targets: []string{"web-1"}, Login: "deploy"}}
	if d := p.Decide(r); d.Verdict != policy.Deny || d.Code != policy.CodeOutsideWindow {
		t.Errorf("a grant: %+v", d)
	}
	r.Granted[0].Glass = true
	if d := p.Decide(r); d.Verdict != policy.Allow || len(d.Grants) != 1 {
		t.Errorf("break-glass: %+v", d)
	}
	stopped := asked("db-1", "deploy", "reboot")
	stopped.Now, stopped.Granted = r.Now, []policy.Granted{{ID: "gr_1", Role: "always", Targets: []string{"db-1"}, Login: "deploy", Glass: true}}
	if d := p.Decide(stopped); d.Verdict != policy.Deny || d.Code != policy.CodeDeniedByRule {
		t.Errorf("a deny rule: %+v", d)
	}
}

// TestFreezesByTheClockOnTheWall: a freeze is never shorter than it reads, in the nights on which the clock is changed.
func TestFreezesByTheClockOnTheWall(t *testing.T) {
	for wall, want := range map[[2]string][2]string{
		{"2026-10-25 02:30", "2026-10-25 02:45"}: {"2026-10-25 00:30", "2026-10-25 01:45"}, // the clock shows both twice
		{"2026-03-29 02:30", "2026-03-29 02:45"}: {"2026-03-29 00:30", "2026-03-29 01:45"}, // it shows neither
		{"2026-07-01 02:30", "2026-07-01 02:45"}: {"2026-07-01 00:30", "2026-07-01 00:45"},
	} {
		p := timed(t, `{from: "00:00", to: "24:00"}`, fmt.Sprintf(`freezes: [{targets: ["*"], from: %q, to: %q, tz: Europe/Berlin, reason: "stop"}]`, wall[0], wall[1]))
		from, to := utc(want[0]), utc(want[1])
		if open(p, from) || !open(p, from.Add(-time.Second)) || open(p, to.Add(-time.Second)) || !open(p, to) {
			t.Errorf("%v is not from %s to %s", wall, from, to)
		}
	}
}

// TestAStoppedRoleStillDenies: what goes on in a freeze is bound by the deny rules of what does not.
func TestAStoppedRoleStillDenies(t *testing.T) {
	p := parse(t, `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, watch]}}
freezes: [{targets: ["*"], from: "2026-12-23T18:00:00Z", to: "2026-12-24T12:00:00Z", reason: "stop"}]
roles:
  web: {targets: [web-1], logins: [deploy], allow: [reboot], deny: ["cat /etc/shadow"]}
  watch: {targets: [web-1], logins: [deploy], in_freeze: true, allow: [cat <path:/etc/**>]}
`)
	for line, code := range map[string]policy.Code{"cat /etc/shadow": policy.CodeDeniedByRule, "cat /etc/hosts": "", "reboot": policy.CodeOutsideWindow, "halt": policy.CodeNotAllowed} {
		r := asked("web-1", "deploy", strings.Fields(line)...)
		r.Now = utc("2026-12-23 19:00")
		if d := p.Decide(r); d.Code != code {
			t.Errorf("%s: %+v", line, d)
		}
	}
}
