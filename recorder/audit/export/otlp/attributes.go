package otlp

import (
	"encoding/json"
	"strings"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
)

// attributes grow by what is not empty. OTLP's texts are UTF-8; JSON's are too, but for what a decoder lets through.
type attributes []*common.KeyValue

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, &common.KeyValue{Key: key, Value: textValue(value)})
	}
}

func (a *attributes) number(key string, value int64) {
	*a = append(*a, &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: value}}})
}

func textValue(text string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(text, "\uFFFD")}}
}

// attributesOf are an entry's fields: under the names of OpenTelemetry's conventions where they have one, else under our own.
func attributesOf(it *Item) []*common.KeyValue {
	var a attributes
	a.number("gatehouse.seq", it.Seq)
	a.text("gatehouse.leaf", it.Leaf)
	a.text("gatehouse.type", string(it.Type))
	a.text("gatehouse.outcome", it.Outcome)
	a.text("user.id", it.Actor)
	a.text("gatehouse.owner", it.Owner)
	a.text("gatehouse.task", it.Task)
	a.text("gatehouse.via", it.Via)
	a.text("gatehouse.connection.id", it.Conn)
	a.text("session.id", it.Session)
	a.text("server.address", it.Target)
	a.text("gatehouse.login", it.Login)
	a.text("gatehouse.object", it.Object)
	a.text("gatehouse.rule", it.Rule)
	a.text("gatehouse.policy", it.Policy)
	a.text("gatehouse.serial", it.Serial)
	a.text("gatehouse.reason", it.Reason)
	a.text("gatehouse.data", string(it.Data))
	var d struct {
		Source string `json:"source"`
		Exit   *int64 `json:"exit"`
	}
	_ = json.Unmarshal(it.Data, &d) // nothing is read of what has another shape
	a.text("client.address", d.Source)
	if d.Exit != nil {
		a.number("process.exit.code", *d.Exit)
	}
	return a
}
