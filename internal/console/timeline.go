package console

import (
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
)

// maxMoments bounds a timeline; what comes after is counted, not kept.
const maxMoments = 1000

// Moment is one thing in a session's timeline: a command with its decision, a signal, a kill, a note, the end.
type Moment struct {
	Seconds  float64          `json:"t"` // since the recording's start
	Time     time.Time        `json:"time"`
	Number   int              `json:"n,omitempty"` // of a command, from 1
	Kind     string           `json:"kind"`        // command, decision (a later one about a command: what people said), line, refused, signal, kill, file, forward, note, exit
	Text     string           `json:"text"`
	By       string           `json:"by,omitempty"`       // kill
	Decision *policy.Decision `json:"decision,omitempty"` // command
	Step     int64            `json:"step,omitempty"`     // of the commands of a governed shell, from 1
	Line     int64            `json:"line,omitempty"`     // of the lines of a governed shell, from 1: of this one, or of that which became this command
	Chain    []string         `json:"chain,omitempty"`    // command of a governed shell: the texts that it came through, outermost first
	Ended    string           `json:"ended,omitempty"`    // line, and command of a governed shell: how it ended
	Took     float64          `json:"took,omitempty"`     // seconds until then
	Governed bool             `json:"governed,omitempty"` // command: a governed shell reads it; its lines and commands are moments of their own
	Steps    []Step           `json:"steps,omitempty"`    // command: what of a plan each rule admitted
	Final    string           `json:"final,omitempty"`    // command: the final plan, as a person would have written it, where it differs from the text

	part int // line: which piece of a long one, from 2

}

// At is the moment's place in the recording.
func (m Moment) At() time.Duration { return time.Duration(m.Seconds * float64(time.Second)) }

// Step is one command of a plan.
type Step struct {
	Argv   policy.Argv `json:"argv"`
	Rule   string      `json:"rule,omitempty"`
	Failed bool        `json:"failed,omitempty"`
}

// Timeline is what a recording says about its session, without the streams.
type Timeline struct {
	Recorded bool     `json:"recorded"`         // false if there is no recording
	Torn     bool     `json:"torn"`             // the recording ends in the middle
	Locked   string   `json:"locked,omitempty"` // why it cannot be read here, if it is encrypted
	Cols     int      `json:"cols,omitempty"`
	Rows     int      `json:"rows,omitempty"`
	Seconds  float64  `json:"seconds"` // the time of the last event
	Output   int64    `json:"output_bytes"`
	Moments  []Moment `json:"moments"`
	Omitted  int      `json:"omitted,omitempty"` // moments after the first 1,000

	commands int
	asked    int // the place of the newest command that people were asked about, which is none of a shell
	shell    shellPlaces
}

// timeline is made from the index if there is one: a long recording is not read through to show its page.
func (c *Console) timeline(s store.Session) (Timeline, error) {
	out := Timeline{Moments: []Moment{}}
	if x := c.keptIndex(s.ID, s.Recording, s.State == store.Live); x != nil {
		out.fromIndex(x)
		return out, nil
	}
	rec, err := c.cfg.Recordings.Read(s.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) {
		out.Recorded, out.Locked = true, locked.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	defer rec.Close()
	return timelineOf(rec, c.structure(rec.Events())), nil
}

// timelineOf reads a recording's events to their end.
func timelineOf(rec *recorder.Reader, events iter.Seq2[recorder.Event, error]) Timeline {
	out := Timeline{Moments: []Moment{}}
	h := rec.Header()
	out.Recorded, out.Cols, out.Rows = true, h.Cols, h.Rows
	for e, err := range events {
		if err != nil {
			out.Torn = true
			break
		}
		out.add(h.Started, e)
	}
	return out
}

func (t *Timeline) fromIndex(x *index.Index) {
	h := x.Header()
	t.Recorded, t.Torn, t.Cols, t.Rows = true, x.Torn(), h.Cols, h.Rows
	for e := range x.Events() {
		t.add(h.Started, e)
	}
	t.Seconds, t.Output = x.Duration().Seconds(), x.OutputBytes()
	t.Omitted += x.Omitted()
}

func (t *Timeline) add(started time.Time, e recorder.Event) {
	t.Seconds = e.At.Seconds()
	if e.Code == recorder.Output || e.Code == recorder.Stderr {
		t.Output += int64(len(e.Data))
	}
	if e.Code == recorder.Decision && t.decide(e.Data) {
		return
	}
	m, ok := moment(e)
	t.again(e, &m)
	if !ok || t.shellEvent(e, &m) {
		return
	}
	if m.Kind == "command" {
		t.commands++
		m.Number = t.commands
	}
	if len(t.Moments) == maxMoments {
		t.Omitted++
		return
	}
	m.Seconds, m.Time = e.At.Seconds(), started.Add(e.At).UTC()
	t.place(m)
	t.Moments = append(t.Moments, m)
}

// decide joins a decision to the command before it.
func (t *Timeline) decide(data []byte) bool {
	last := t.decided(data)
	if last < 0 || t.Moments[last].Kind != "command" {
		return false
	}
	var d policy.Decision
	if json.Unmarshal(data, &d) != nil {
		return false
	}
	m := &t.Moments[last]
	if m.Decision != nil {
		return false
	}
	m.Decision, m.Governed = &d, d.Governed()
	if m.Step == 0 {
		t.asked = last
	}
	m.setFinal()
	for i := range m.Steps {
		if i < len(d.Rules) {
			m.Steps[i].Rule = d.Rules[i]
		}
		m.Steps[i].Failed = d.Failed != nil && d.Failed.Command == i
	}
	return true
}

// moment reads an event that belongs in a timeline. Data that does not decode is shown as it stands.
func moment(e recorder.Event) (Moment, bool) {
	var v struct {
		Line, Signal, By, Reason, Note string
		Plan                           *policy.Plan
		Cols, Rows                     int
		Status                         *int
	}
	if json.Unmarshal(e.Data, &v) != nil {
		v.Note, v.Line = string(e.Data), string(e.Data)
	}
	switch e.Code {
	case recorder.Command:
		m := Moment{Kind: "command", Text: v.Line}
		if v.Plan != nil {
			m.Steps = steps(*v.Plan, 0)
		}
		return m, true
	case recorder.Line, recorder.Step:
		return shellMoment(e)
	case recorder.Decision:
		var d policy.Decision
		if json.Unmarshal(e.Data, &d) != nil {
			return Moment{Kind: "note", Text: string(e.Data)}, true
		}
		m := Moment{Kind: "command", Decision: &d, Governed: d.Governed()}
		m.setFinal()
		return m, true
	case recorder.Signal:
		return Moment{Kind: "signal", Text: v.Signal}, true
	case recorder.Kill:
		return Moment{Kind: "kill", Text: v.Reason, By: v.By}, true
	case recorder.File:
		line, ok := recorder.FileLine(e.Data)
		return Moment{Kind: "file", Text: line}, ok
	case recorder.Forward:
		return Moment{Kind: "forward", Text: recorder.ForwardLine(e.Data)}, true
	case recorder.Note:
		return Moment{Kind: "note", Text: v.Note}, true
	case recorder.Exit:
		return Moment{Kind: "exit", Text: exitText(v.Status, v.Signal)}, true
	}
	return Moment{}, false
}

// setFinal says what really runs: programs by their paths, globs expanded, additions and redirections with it.
func (m *Moment) setFinal() {
	if plan := m.Decision.Plan; plan != nil && !m.Governed && plan.Validate() == nil {
		if text := plan.String(); text != m.Text {
			m.Final = text
		}
	}
}

// steps lists a plan's commands in order, as deep as plans may be.
func steps(p policy.Plan, depth int) []Step {
	if p.Op == policy.OpRun {
		return []Step{{Argv: p.Argv}}
	}
	var out []Step
	for _, part := range p.Parts {
		if depth < 64 {
			out = append(out, steps(part, depth+1)...)
		}
	}
	return out
}
