package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/otlp"
)

// TestReplay: every format has every entry from the wanted one on, once and in order.
func TestReplay(t *testing.T) {
	b := newBench(t)
	b.add(1234)
	const from = 17
	for _, format := range Formats {
		var out bytes.Buffer
		n, err := Replay(t.Context(), b.path("log"), from, format, &out)
		if err != nil || n != b.log.Size()-from {
			t.Fatalf("%s: %d, %v", format, n, err)
		}
		want := int64(from)
		for line := range strings.Lines(out.String()) {
			for _, got := range numbersOf(t, format, line) {
				if got != want {
					t.Fatalf("%s: entry %d, want %d", format, got, want)
				}
				want++
			}
		}
		if want != b.log.Size() {
			t.Errorf("%s ends at %d of %d", format, want, b.log.Size())
		}
	}
	if _, err := Replay(t.Context(), b.path("log"), 0, "xml", nil); err == nil || !strings.Contains(err.Error(), "otlp-json") {
		t.Errorf("%v", err)
	}
	if _, err := Replay(t.Context(), b.path("log"), b.log.Size()+1, "entry", nil); err == nil {
		t.Error("from beyond the end")
	}
}

// numbersOf reads the numbers of the entries in a line.
func numbersOf(t *testing.T, format, line string) []int64 {
	t.Helper()
	var v struct {
		Seq          *int64
		Metadata     struct{ Sequence int64 }
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []struct {
					TraceID    string
					Attributes []struct {
						Key   string
						Value struct {
							IntValue int64 `json:",string"`
						}
					}
				}
			}
		}
	}
	text := line
	if format == "syslog" {
		_, text, _ = strings.Cut(line, "] ")
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v: %.300s", format, err, line)
	}
	switch {
	case v.Seq != nil:
		return []int64{*v.Seq}
	case format == "ocsf":
		return []int64{v.Metadata.Sequence}
	}
	var numbers []int64
	for _, rl := range v.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, r := range sl.LogRecords {
				if len(r.TraceID) != 32 {
					t.Fatalf("trace id %q", r.TraceID)
				}
				numbers = append(numbers, r.Attributes[0].Value.IntValue)
			}
		}
	}
	return numbers
}

// TestOTLPJSON: ids are in hexadecimal, enumerations are numbers.
func TestOTLPJSON(t *testing.T) {
	const session = "ses_01JDABCDEFGHJKMNPQRSTVWXYZ"
	var tracer otlp.Tracer
	text, err := otlpJSON(tracer.Spans([]otlp.Item{{Entry: audit.Entry{Type: audit.SessionEnd, Session: session, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Data: []byte(`{"traceId":"AAAA"}`)}}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`, `"spanId":"00f067aa0ba902b7"`, `"kind":2`, `{\"traceId\":\"AAAA\"}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
