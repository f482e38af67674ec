package otlp

import (
	"time"

	tracecol "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"gatehouse/internal/id"
	"gatehouse/internal/tracecontext"
	"gatehouse/recorder/audit"
)

// maxLive bounds the commands that are remembered until their session ends: of the sessions that began last. The span of a
// command that is not remembered is left out; its decision's span is there.
const maxLive = 10_000

// Tracer makes spans. It remembers when the commands of live sessions began, and nothing else. Not safe for concurrent use.
type Tracer struct {
	began map[string][]begin // by session
	order []string           // of began, oldest first
}

// begin is an allowed command.
type begin struct {
	seq int64
	at  time.Time
}

// Spans makes a request of the spans that end with these entries; nil where there are none. Entries of one request are of one
// node. The same entries again give the same spans.
func (t *Tracer) Spans(items []Item) *tracecol.ExportTraceServiceRequest {
	var spans []*trace.Span
	for i := range items {
		spans = append(spans, t.of(&items[i])...)
	}
	if len(spans) == 0 {
		return nil
	}
	return &tracecol.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{Resource: resourceOf(items[0].Node),
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: scope}, Spans: spans}}}}}
}

// of are the spans that end with one entry.
func (t *Tracer) of(it *Item) []*trace.Span {
	session := sessionOf(it.Entry)
	if session == "" {
		return nil
	}
	if it.Type == audit.SessionEnd {
		return append(t.commands(it, session), sessionSpan(it, session))
	}
	name := spanName(it.Entry)
	if name == "" {
		return nil
	}
	if it.Type == audit.Decision && it.Outcome == "allow" {
		t.remember(session, begin{it.Seq, it.Time})
	}
	return []*trace.Span{child(it, session, name, entrySpan(session, string(it.Type), it.Seq), it.Time)}
}

// spanName is the name of the child span of an entry; empty: it has none.
func spanName(e audit.Entry) string {
	switch e.Type {
	case audit.Decision:
		return "decision"
	case audit.Forward:
		return "forward"
	case audit.TargetLook:
		return "look"
	case audit.CertIssue:
		return "certificate"
	case audit.Kill:
		return "kill"
	case audit.Sweep:
		return "sweep"
	}
	return ""
}

func child(it *Item, session, name string, span []byte, from time.Time) *trace.Span {
	return &trace.Span{TraceId: TraceID(session), SpanId: span, ParentSpanId: SessionSpan(session), Flags: sampled, Name: name, Kind: trace.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nanos(from), EndTimeUnixNano: nanos(it.Time), Attributes: attributesOf(it), Status: statusOf(it.Entry)}
}

// sessionSpan is the whole session's. Its id says when it began.
func sessionSpan(it *Item, session string) *trace.Span {
	s := child(it, session, "session", SessionSpan(session), beginOf(session, it.Time))
	s.ParentSpanId, s.Kind, s.Links = nil, trace.Span_SPAN_KIND_SERVER, links(it.Trace)
	return s
}

func beginOf(session string, end time.Time) time.Time {
	if at, ok := id.Time(session); ok && at.Before(end) {
		return at
	}
	return end
}

// links is the trace that the agent works in, if it told us of one.
func links(text string) []*trace.Span_Link {
	c, err := tracecontext.Parse(text)
	if err != nil {
		return nil
	}
	return []*trace.Span_Link{{TraceId: c.TraceID[:], SpanId: c.SpanID[:], TraceState: c.State, Flags: uint32(c.Flags)}}
}

// commands are the spans of what ran in a session, from the decision to the session's end.
func (t *Tracer) commands(it *Item, session string) []*trace.Span {
	var spans []*trace.Span
	for _, b := range t.began[session] {
		spans = append(spans, child(it, session, "command", entrySpan(session, "command", b.seq), b.at))
	}
	return spans
}

// remember keeps a command's begin, once.
func (t *Tracer) remember(session string, b begin) {
	if t.began == nil {
		t.began = map[string][]begin{}
	}
	have, known := t.began[session]
	for _, h := range have {
		if h.seq == b.seq {
			return
		}
	}
	if len(have) >= 1000 {
		return
	}
	t.began[session] = append(have, b)
	if known {
		return
	}
	if t.order = append(t.order, session); len(t.order) > maxLive {
		delete(t.began, t.order[0])
		t.order = t.order[1:]
	}
}

// statusOf is a failure's reason.
func statusOf(e audit.Entry) *trace.Status {
	switch e.Outcome {
	case "deny", "failed", "killed", "interrupted", "fault":
		return &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: textValue(e.Reason).GetStringValue()}
	}
	return nil
}
