package console

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/recorder"
)

// shellPlaces are where the lines and commands of a governed shell stand in a timeline; at most as many as it has moments.
type shellPlaces struct{ lines, steps map[int64]int }

// maxLineText is how long a line may be that goes on with another piece.
const maxLineText = 64 << 10

// place keeps where the moment that comes next stands.
func (t *Timeline) place(m Moment) {
	places := &t.shell.steps
	n := m.Step
	if n == 0 {
		places, n = &t.shell.lines, m.Line
	}
	if n == 0 || m.Kind == "refused" {
		return
	}
	if *places == nil {
		*places = map[int64]int{}
	}
	(*places)[n] = len(t.Moments)
}

// decided is the place of the moment that a decision is about: the newest, or that of its step; -1 if there is none.
func (t *Timeline) decided(data []byte) int {
	var of struct{ Step int64 }
	if json.Unmarshal(data, &of) != nil || of.Step == 0 {
		return len(t.Moments) - 1
	}
	if at, ok := t.shell.steps[of.Step]; ok {
		return at
	}
	return -1
}

// again makes a decision that comes after the first one about a command, once people have answered, a moment that says so.
func (t *Timeline) again(e recorder.Event, m *Moment) {
	at := t.asked
	var of struct{ Step int64 }
	if e.Code != recorder.Decision || m.Decision == nil || json.Unmarshal(e.Data, &of) != nil {
		return
	}
	if of.Step > 0 {
		at = t.decided(e.Data)
	}
	if at < 0 || at >= len(t.Moments) || t.Moments[at].Decision == nil || t.Moments[at].Decision.Verdict != policy.Ask {
		return
	}
	first := t.Moments[at]
	m.Kind, m.Text, m.Step, m.Line, m.Chain = "decision", first.Text, first.Step, first.Line, first.Chain
	m.Final = ""
	m.setFinal()
}

// shellEvent joins what is no moment of its own to the one that it belongs to, and reports whether it did: the end of a line or a command,
// and the only line of a session that is a line, which is its command already.
func (t *Timeline) shellEvent(e recorder.Event, m *Moment) bool {
	switch {
	case m.Kind == "ended":
		places := t.shell.lines
		if m.Step > 0 {
			places = t.shell.steps
		}
		if at, ok := places[max(m.Step, m.Line)]; ok {
			of := &t.Moments[at]
			of.Ended, of.Took = m.Text, e.At.Seconds()-of.Seconds
		}
		return true
	case m.part > 1:
		if at, ok := t.shell.lines[m.Line]; ok {
			if of := &t.Moments[at]; of.Kind == "line" && len(of.Text) < maxLineText {
				of.Text += m.Text
			}
		}
		return true
	case m.Kind == "line" && m.Line == 1 && len(t.Moments) > 0:
		last := &t.Moments[len(t.Moments)-1]
		if !last.Governed || last.Text == "" || !strings.HasPrefix(last.Text+"\n", strings.TrimRight(m.Text, "\n")) {
			return false
		}
		last.Line = 1
		t.shell.lines = map[int64]int{1: len(t.Moments) - 1}
		return true
	}
	return false
}

// shellMoment is a line of a governed shell, or a command of it, as it begins, is refused or ends.
func shellMoment(e recorder.Event) (Moment, bool) {
	text, begins := recorder.ShellLine(e)
	m := Moment{Kind: "line", Text: text}
	var v struct {
		Line, Step int64
		Argv       policy.Argv
		Chain      []string
		Status     *int
		Signal     string
		Cut        bool
		Part       int
	}
	if json.Unmarshal(e.Data, &v) != nil {
		return m, true
	}
	m.Line, m.part = v.Line, v.Part
	switch {
	case !begins && text != "":
		m.Kind, m.Text = "refused", strings.TrimPrefix(text, "refused: ")
	case !begins:
		m.Kind, m.Step, m.Text = "ended", v.Step, exitText(v.Status, v.Signal)
		if v.Cut {
			m.Text = "cut short"
		}
	case e.Code == recorder.Step:
		m.Kind, m.Step, m.Chain, m.Steps = "command", v.Step, v.Chain, []Step{{Argv: v.Argv}}
	}
	return m, true
}

// shellNotes are what stands below a command of a governed shell: by which rule, and through which texts it came.
func shellNotes(m Moment) (notes []string) {
	if m.Decision != nil && len(m.Decision.Rules) > 0 {
		notes = append(notes, "by "+Visible(strings.Join(m.Decision.Rules, ", ")))
	}
	if len(m.Chain) > 0 {
		notes = append(notes, "through "+ChainText(m))
	}
	return notes
}

// ChainText is the texts through which a command came, outermost first.
func ChainText(m Moment) string { return Visible(strings.Join(m.Chain, ", then ")) }

// EndText says how a line or a command of a governed shell ended, and after how long, if one waited for it.
func EndText(m Moment) string {
	if took := time.Duration(m.Took * float64(time.Second)); took >= time.Second {
		return m.Ended + " after " + Took(took)
	}
	return m.Ended
}

// Happening is what a viewer of a live session is told of an event that belongs to no stream: what kind of moment it is, and its text.
// A decision is a moment of its own here, of the kind that its verdict says.
func Happening(e recorder.Event) (kind, text string, ok bool) {
	m, ok := moment(e)
	if !ok {
		return "", "", false
	}
	if d := m.Decision; d != nil {
		return string(d.Verdict), strings.TrimSpace(strings.Join(d.Rules, ", ") + " " + d.Reason), true
	}
	if m.Kind == "ended" && m.Step == 0 {
		return "exit", m.Text, true
	}
	return m.Kind, m.Text, m.Kind != "ended"
}
