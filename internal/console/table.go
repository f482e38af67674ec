package console

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// column is one column of a table.
type column struct {
	title string
	least int // narrower than this it is not made; 0 means never cut
}

// table is text in columns, cut to a width. Cells are foreign text: they are made visible here.
type table struct {
	columns []column
	rows    [][]string
}

const gap = "  "

func (t *table) widths(width int) []int {
	w := make([]int, len(t.columns))
	for i, c := range t.columns {
		w[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			w[i] = max(w[i], utf8.RuneCountInString(row[i]))
		}
	}
	total := len(gap) * (len(w) - 1)
	for _, n := range w {
		total += n
	}
	for ; total > width; total-- {
		widest := t.widest(w)
		if widest < 0 {
			break
		}
		w[widest]--
	}
	return w
}

// widest is the widest column that can still be cut, or -1.
func (t *table) widest(w []int) int {
	found := -1
	for i, c := range t.columns {
		if c.least > 0 && w[i] > c.least && (found < 0 || w[i] > w[found]) {
			found = i
		}
	}
	return found
}

func (t *table) render(out io.Writer, width int) {
	for _, row := range t.rows {
		for i := range row {
			row[i] = Visible(row[i])
		}
	}
	w := t.widths(width)
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	for _, row := range append([][]string{titles}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			cell = visibleLine(cell, w[i])
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", w[i]-utf8.RuneCountInString(cell)) + gap)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}

// sessionTable lays sessions out. With room it says who owns the agent and how long the session took.
func sessionTable(sessions []Session, now time.Time, width int) *table {
	wide := width >= 110
	t := &table{columns: []column{{"ID", 0}, {"STATE", 0}, {"STARTED", 0}, {"WHO", 8}, {"WHERE", 10}, {"COMMAND", 16}}}
	if wide {
		t.columns = []column{{"ID", 0}, {"STATE", 0}, {"STARTED", 0}, {"TOOK", 0}, {"WHO", 8}, {"OWNER", 8}, {"WHERE", 10}, {"COMMAND", 30}}
	}
	for _, s := range sessions {
		who, where := strings.TrimPrefix(s.Identity, "agent:"), s.Login+"@"+s.Target
		row := []string{s.Short, Outcome(s), clock(s.Started, now), who, where, s.Command}
		if wide {
			row = []string{s.Short, Outcome(s), clock(s.Started, now), Took(s.Took()), who, s.Owner, where, s.Command}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// Outcome says in a word or two how a session stands: "live", "exit 0", "signal KILL", "denied", "killed".
func Outcome(s Session) string {
	text := outcome(s)
	if s.Kept != nil && s.Kept.Kind != "held" {
		text += ", " + s.Kept.Kind // the recording
	}
	return text
}

func outcome(s Session) string {
	switch {
	case s.State == "live" && s.Verdict == "ask": // people must decide first
		return "waiting"
	case s.State != "ended":
		return s.State
	case s.Signal != "":
		return "signal " + s.Signal
	case s.Exit != nil:
		return fmt.Sprintf("exit %d", *s.Exit)
	default:
		return "ended"
	}
}
