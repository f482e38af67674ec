package notify

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/answer"
	"gatehouse/internal/config"
)

// Severity says how urgent an alert is: "info", "notice", "warning" or "critical".
type Severity string

// The severities, the lowest first.
const (
	Info     Severity = "info"
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// rank orders severities.
func (s Severity) rank() int { return slices.Index(config.AlertSeverities, string(s)) }

// The kinds that code asks for by name; rules.go has all.
const (
	KindGlass = "break_glass" // goes to every channel, and past its limits
	KindTest  = "test"
	KindMore  = "alerts.more"
)

// Alert is something that people must hear of.
type Alert struct {
	ID       string    `json:"id"` // "alt_…", the same for ever
	Kind     string    `json:"kind"`
	Severity Severity  `json:"severity"`
	Subject  string    `json:"subject"` // what it is about; alerts of one subject come in their order
	Title    string    `json:"title"`   // a few words
	Text     string    `json:"text"`    // one line, masked
	Runbook  string    `json:"runbook"` // the section of the runbook: "#break-glass"
	Path     string    `json:"path,omitempty"`
	Time     time.Time `json:"time"`
	Seq      int64     `json:"seq"`             // of the audit log's entry; -1: it comes from none
	Count    int64     `json:"count,omitempty"` // how many it stands for; 0: one
}

// Link is the page about it, empty where there are no pages. It shows; what is decided there needs a proof of its own.
func (a Alert) Link(webURL string) string {
	if webURL == "" || a.Path == "" {
		return ""
	}
	return strings.TrimSuffix(webURL, "/") + a.Path
}

// wants says whether a channel is to have an alert.
func wants(c *config.AlertChannel, a Alert) bool {
	if a.Kind == KindGlass {
		return true
	}
	if a.Severity.rank() < Severity(c.MinSeverity).rank() {
		return false
	}
	return len(c.Kinds) == 0 || slices.ContainsFunc(c.Kinds, func(want string) bool {
		prefix, all := strings.CutSuffix(want, "*")
		return want == a.Kind || all && strings.HasPrefix(a.Kind, prefix)
	})
}

// line makes a text one line without anything invisible or secret, of at most most characters.
func line(mask func(string) string, text string, most int) string {
	if len(text) > 4*most { // before masking, which need not look at what is cut anyway
		text = strings.ToValidUTF8(text[:4*most], "")
	}
	text = answer.Visible(mask(text))
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
