package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/recorder/audit"
)

// rules make alerts of entries. They are pure but for the state that they keep, which is stored with the cursor: the same entries
// from the same state make the same alerts. Used by one goroutine.
type rules struct {
	state state
	mask  func(string) string
}

// state is what the rules remember.
type state struct {
	Windows map[string]*window `json:"windows,omitempty"` // by kind and subject: what was said lately
	Denied  map[string]*denied `json:"denied,omitempty"`  // by principal
	Glass   map[string]*glass  `json:"glass,omitempty"`   // by grant: not reviewed yet
	Last    time.Time          `json:"last,omitzero"`     // of the newest entry
	Serving bool               `json:"serving,omitempty"` // the service ran then
	Stale   map[string]bool    `json:"stale,omitempty"`   // conditions that were said
}

// window counts repetitions of an alert.
type window struct {
	Until time.Time `json:"until"`
	More  int64     `json:"more"` // since the one that was sent
	Last  Alert     `json:"last"`
}

type denied struct {
	Since time.Time `json:"since"`
	N     int64     `json:"n"`
}

type glass struct {
	Since time.Time `json:"since"`
	Next  time.Time `json:"next"`
	N     int64     `json:"n"` // reminders so far
	Alert Alert     `json:"alert"`
}

func newRules(mask func(string) string) *rules {
	return &rules{mask: mask, state: state{}.ready()}
}

// ready makes the maps.
func (s state) ready() state {
	if s.Windows == nil {
		s.Windows = map[string]*window{}
	}
	if s.Denied == nil {
		s.Denied = map[string]*denied{}
	}
	if s.Glass == nil {
		s.Glass = map[string]*glass{}
	}
	if s.Stale == nil {
		s.Stale = map[string]bool{}
	}
	return s
}

// feed takes the next entry of the log and returns what people must hear of because of it. An entry that cannot be read is none: the
// log's own checks are about that.
func (r *rules) feed(record audit.Record) []Alert {
	t, at := audit.TypeOf(record.Line), record.Time()
	var out []Alert
	out = append(out, r.gap(t, at, record.Seq)...)
	if make := makers[t]; make != nil && !boring(t, record.Line) {
		if e, err := audit.Parse(record.Line); err == nil {
			for _, a := range make(r, e) {
				a.Time, a.Seq = e.Time, e.Seq
				out = append(out, r.once(a)...)
			}
		}
	}
	return out
}

// boring spares the decoding of what is decided all the time and was allowed.
func boring(t audit.Type, line []byte) bool {
	return (t == audit.Decision || t == audit.Forward || t == audit.File) && !bytes.Contains(line, []byte(`"outcome":"deny"`))
}

// gap notices that the log was silent while the service ran: it has a heartbeat each minute.
func (r *rules) gap(t audit.Type, at time.Time, seq int64) (out []Alert) {
	s := &r.state
	if silent := at.Sub(s.Last); s.Serving && !s.Last.IsZero() && silent > gapLimit {
		out = r.once(Alert{Kind: "evidence.gap", Severity: Warning, Subject: "audit log", Title: "The audit log was silent", Runbook: "#the-audit-log-was-silent", Time: at, Seq: seq,
			Text: fmt.Sprintf("No entry for %s while Gatehouse ran, from %s on: it was ended hard, stopped, or the clock stepped", silent.Round(time.Second), s.Last.UTC().Format(time.RFC3339))})
	}
	s.Last = at
	switch t {
	case audit.ServeStart:
		s.Serving = true
	case audit.ServeStop:
		s.Serving = false
	}
	return out
}

// once lets the first of its kind about its subject through and counts those that follow within a time; tick tells of them.
func (r *rules) once(a Alert) []Alert {
	a.Title, a.Text, a.Subject = line(r.mask, a.Title, maxTitle), line(r.mask, a.Text, maxText), line(r.mask, a.Subject, maxTitle)
	key := a.Kind + "\x00" + a.Subject
	w := r.state.Windows[key]
	if w != nil && a.Time.Before(w.Until) && w.Until.Sub(a.Time) <= dedupSpan {
		w.More++
		w.Last = a
		return nil
	}
	var out []Alert
	if w != nil {
		out = w.close()
	}
	if w != nil || len(r.state.Windows) < maxWatched {
		r.state.Windows[key] = &window{Until: a.Time.Add(dedupSpan), Last: a}
	}
	return append(out, a)
}

// close returns what a window counted, as one alert.
func (w *window) close() []Alert {
	if w.More == 0 {
		return nil
	}
	a := w.Last
	a.Count = w.More
	if w.More > 1 {
		a.Title = fmt.Sprintf("%s (%d times)", a.Title, w.More)
	}
	return []Alert{a}
}

// tick returns what is due by time alone.
func (r *rules) tick(now time.Time) (out []Alert) {
	for key, w := range r.state.Windows {
		if !now.Before(w.Until) || w.Until.Sub(now) > dedupSpan+time.Hour { // over, or the clock stepped back
			out = append(out, w.close()...)
			delete(r.state.Windows, key)
		}
	}
	for who, d := range r.state.Denied {
		if now.Sub(d.Since) > denialSpan {
			delete(r.state.Denied, who)
		}
	}
	for grant, g := range r.state.Glass {
		if now.Sub(g.Since) > glassFor {
			delete(r.state.Glass, grant) // a month of reminders
			continue
		}
		if now.Before(g.Next) && g.Next.Sub(now) <= glassEvery {
			continue
		}
		g.N++
		g.Next = now.Add(glassEvery)
		a := g.Alert
		a.Time, a.Title, a.Count = now.UTC(), "NOT REVIEWED YET: "+a.Title, 0
		a.Title = line(r.mask, a.Title, maxTitle)
		out = append(out, a)
	}
	return out
}

// condition tells once that something is so, and once that it is not any more.
func (r *rules) condition(name string, is bool, yes, no Alert) []Alert {
	switch was := r.state.Stale[name]; {
	case is == was:
		return nil
	case is && len(r.state.Stale) < maxWatched:
		r.state.Stale[name] = true
		return r.once(yes)
	}
	delete(r.state.Stale, name)
	return r.once(no)
}

// body decodes an entry's own details; what does not fit is left out.
func body[T any](e audit.Entry) (v T) {
	_ = json.Unmarshal(e.Data, &v) // an alert with less in it is better than none
	return v
}
