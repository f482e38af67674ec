package export

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/otlp"
)

// Formats are those of Replay.
var Formats = []string{"entry", "ocsf", "syslog", "otlp-json"}

// replayBatch is how many entries one line of otlp-json holds.
const replayBatch = 100

// Replay writes the entries of the log in dir from seq on to w, in one of Formats, and returns how many it wrote. It reads the
// folder and nothing else; what is beyond the checkpoint when it begins is left out.
//
// entry and ocsf are one entry a line; syslog are messages as a file relay has them, a line each; otlp-json is OTLP's JSON, one
// request a line, logs and spans apart.
func Replay(ctx context.Context, dir string, seq int64, format string, w io.Writer) (n int64, err error) {
	size, err := audit.SizeOf(dir)
	if err != nil {
		return 0, err
	}
	write, err := replayer(format, w)
	if err != nil {
		return 0, err
	}
	r, err := audit.OpenReader(dir, seq)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		records, err := r.Read(size, replayBatch)
		if err != nil || len(records) == 0 {
			return n, err
		}
		if err := write(records); err != nil {
			return n, err
		}
		n += int64(len(records))
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
	}
}

// replayer writes batches in a format.
func replayer(format string, w io.Writer) (func([]audit.Record) error, error) {
	if format == "otlp-json" {
		var tracer otlp.Tracer
		return func(records []audit.Record) error { return replayOTLP(&tracer, records, w) }, nil
	}
	var encode Encode
	switch format {
	case "syslog":
		encode = (&message{facility("local4"), "entry"}).append
	default:
		var err error
		if encode, err = encoding(format); err != nil {
			return nil, fmt.Errorf("%w; there are %s", err, strings.Join(Formats, ", "))
		}
	}
	return func(records []audit.Record) error {
		var out []byte
		if err := encodeAll(encode, records, func(line []byte) { out = append(append(out, line...), '\n') }); err != nil {
			return err
		}
		_, err := w.Write(out)
		return err
	}, nil
}

func replayOTLP(tracer *otlp.Tracer, records []audit.Record, w io.Writer) error {
	items, err := itemsOf(records)
	if err != nil {
		return err
	}
	requests := []proto.Message{otlp.Logs(items)}
	if spans := tracer.Spans(items); spans != nil {
		requests = append(requests, spans)
	}
	for _, m := range requests {
		line, err := otlpJSON(m)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// otlpJSON is a request in OTLP's JSON, which differs from protobuf's: ids are in hexadecimal and enumerations are numbers.
func otlpJSON(m proto.Message) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	hexIDs(v)
	return json.Marshal(v)
}

// hexIDs rewrites the ids of records, spans and links. Attributes are lists of key and value, so that no key of theirs is met.
func hexIDs(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			hexIDs(e)
		}
	case map[string]any:
		for name, e := range v {
			text, ok := e.(string)
			if !ok || (name != "traceId" && name != "spanId" && name != "parentSpanId") {
				hexIDs(e)
				continue
			}
			var id []byte
			if quoted, err := json.Marshal(text); err == nil && json.Unmarshal(quoted, &id) == nil {
				v[name] = hex.EncodeToString(id)
			}
		}
	}
}
