package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known where no file can be read, as in the decider's process
)

// window is a weekly time in which a role applies. One that ends before it begins goes on after midnight and belongs to the
// day on which it began.
type window struct {
	days     []time.Weekday // empty: every day
	from, to time.Duration  // since midnight, by the clock on the wall of zone
	zone     *time.Location
}

var weekdays = map[string]time.Weekday{"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday}

// open reports whether now lies in the window. The clock on the wall decides, also in the nights on which it is changed.
func (w window) open(now time.Time) bool {
	local := now.In(w.zone)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second
	today := local.Weekday()
	yesterday := (today + 6) % 7
	switch {
	case w.from < w.to:
		return w.on(today) && clock >= w.from && clock < w.to
	case clock >= w.from:
		return w.on(today)
	}
	return w.on(yesterday) && clock < w.to
}

func (w window) on(day time.Weekday) bool {
	return len(w.days) == 0 || slices.Contains(w.days, day)
}

// inWindow reports whether one of the windows is open, or there is none.
func inWindow(windows []window, now time.Time) bool {
	return len(windows) == 0 || slices.ContainsFunc(windows, func(w window) bool { return w.open(now) })
}

func readWindows(v value) []window {
	var list []window
	for _, item := range v.list() {
		w := window{zone: time.UTC}
		given := map[string]bool{}
		item.fields(map[string]func(value){
			"days": func(v value) { w.days = readDays(v) },
			"from": func(v value) { given["from"] = true; w.from = readClock(v) },
			"to":   func(v value) { given["to"] = true; w.to = readClock(v) },
			"tz":   func(v value) { w.zone = readZone(v) },
		})
		if !given["from"] || !given["to"] {
			item.problem(`a window needs from and to, as in from: "08:00", to: "17:00"`)
		} else if w.from == w.to {
			item.problem("a window that ends when it begins is never open: leave windows out for always")
		}
		list = append(list, w)
	}
	return list
}

func readDays(v value) []time.Weekday {
	var days []time.Weekday
	for _, item := range v.list() {
		if text, ok := item.word("mon", "tue", "wed", "thu", "fri", "sat", "sun"); ok {
			days = append(days, weekdays[text])
		}
	}
	return days
}

// readClock reads a time of the day, "08:00" to "24:00".
func readClock(v value) time.Duration {
	text, ok := v.text()
	if !ok {
		return 0
	}
	var hour, minute int
	if n, err := fmt.Sscanf(text, "%2d:%2d", &hour, &minute); err != nil || n != 2 || len(text) != 5 || text[2] != ':' ||
		hour < 0 || minute < 0 || hour > 24 || minute > 59 || hour == 24 && minute > 0 {
		v.problem(`%q cannot be %s: write a time of the day in quotes, "08:00" to "24:00"`, text, v.what)
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

func readZone(v value) *time.Location {
	text, ok := v.text()
	if !ok {
		return time.UTC
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		v.problem("%q is not a time zone: write one of the tz database, such as Europe/Berlin or UTC", text)
		return time.UTC
	}
	return zone
}

// windowsText says when windows are open, for whoever comes at another time.
func windowsText(windows []window) string {
	texts := make([]string, len(windows))
	for i, w := range windows {
		days := "every day"
		if len(w.days) > 0 {
			names := make([]string, len(w.days))
			for j, day := range w.days {
				names[j] = day.String()[:3]
			}
			days = "on " + strings.Join(names, ", ")
		}
		texts[i] = fmt.Sprintf("%s from %s to %s (%s)", days, clockText(w.from), clockText(w.to), w.zone)
	}
	return strings.Join(texts, " or ")
}

func clockText(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
