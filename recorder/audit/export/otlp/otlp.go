// Package otlp makes OpenTelemetry logs and spans of entries of the audit log.
//
// Each entry is a log record. A session is a trace: its span begins with the session's id and ends with session.end, and what was
// decided, looked at, certified and killed in it are its children. All ids are derived from the session's id and the entries'
// numbers, so that what is sent twice is the same span twice and any entry can be put into its trace without the others. The
// trace that the agent itself works in is a link of the session's span.
package otlp

import (
	"crypto/sha256"
	"fmt"
	"time"

	logscol "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"

	"gatehouse/internal/id"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/ocsf"
)

// scope is the name of what made the records.
const scope = "gatehouse/audit"

// sampled is the flag of W3C trace contexts that says that the trace is kept.
const sampled = 1

// Item is an entry and the hash of its stored line.
type Item struct {
	audit.Entry
	Leaf string
}

// TraceID is a session's.
func TraceID(session string) []byte { return derive(16, "trace", session) }

// SessionSpan is the id of a session's own span.
func SessionSpan(session string) []byte { return derive(8, "session", session) }

// entrySpan is the id of the span of one entry of a session.
func entrySpan(session string, kind string, seq int64) []byte {
	return derive(8, kind, fmt.Sprintf("%s/%d", session, seq))
}

// derive makes an id of n bytes. It is no secret and needs no key: whoever knows the session's id may know its trace.
func derive(n int, kind, text string) []byte {
	sum := sha256.Sum256([]byte("gatehouse/" + kind + "/" + text))
	sum[0] |= 0x80 // an id of zeros is none
	return sum[:n]
}

// Logs makes a request of one record an entry. Entries of one request are of one node.
func Logs(items []Item) *logscol.ExportLogsServiceRequest {
	if len(items) == 0 {
		return &logscol.ExportLogsServiceRequest{}
	}
	records := make([]*logs.LogRecord, len(items))
	for i := range items {
		records[i] = record(&items[i])
	}
	return &logscol.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{Resource: resourceOf(items[0].Node),
		ScopeLogs: []*logs.ScopeLogs{{Scope: &common.InstrumentationScope{Name: scope}, LogRecords: records}}}}}
}

func resourceOf(node string) *resource.Resource {
	var a attributes
	a.text("service.name", "gatehouse")
	a.text("service.instance.id", node)
	return &resource.Resource{Attributes: a}
}

func record(it *Item) *logs.LogRecord {
	severity := ocsf.SeverityOf(it.Entry)
	r := &logs.LogRecord{TimeUnixNano: nanos(it.Time), ObservedTimeUnixNano: nanos(it.Time), SeverityNumber: severityNumber(severity), SeverityText: severity.String(),
		EventName: "gatehouse." + string(it.Type), Body: textValue(Sentence(it.Entry)), Attributes: attributesOf(it)}
	if session := sessionOf(it.Entry); session != "" {
		r.TraceId, r.Flags = TraceID(session), sampled
		if r.SpanId = SessionSpan(session); spanName(it.Entry) != "" {
			r.SpanId = entrySpan(session, string(it.Type), it.Seq)
		}
	}
	return r
}

// Sentence says an entry in a few words.
func Sentence(e audit.Entry) string {
	text := string(e.Type)
	for _, p := range [...]struct{ before, value string }{{" ", e.Outcome}, {" by ", e.Actor}, {" on ", e.Target}, {" about ", e.Object}, {": ", e.Reason}} {
		if p.value != "" {
			text += p.before + p.value
		}
	}
	return text
}

func severityNumber(s ocsf.Severity) logs.SeverityNumber {
	switch s {
	case ocsf.High:
		return logs.SeverityNumber_SEVERITY_NUMBER_ERROR
	case ocsf.Medium:
		return logs.SeverityNumber_SEVERITY_NUMBER_WARN
	case ocsf.Low:
		return logs.SeverityNumber_SEVERITY_NUMBER_INFO2
	}
	return logs.SeverityNumber_SEVERITY_NUMBER_INFO
}

// sessionOf is the session that an entry belongs to; empty: none. A kill names it as what it is about.
func sessionOf(e audit.Entry) string {
	switch {
	case id.Valid(id.Session, e.Session):
		return e.Session
	case e.Type == audit.Kill && id.Valid(id.Session, e.Object):
		return e.Object
	}
	return ""
}

func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) }
