// Command otelcol is an OpenTelemetry collector for tests: the collector's own service and OTLP receiver, and an exporter that
// writes the number of the entry in each log record, and the name of each span, as a line of a file.
//
// It is a module of its own, so that the product's module does not have the collector's hundred dependencies.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

const settings = `
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {lines: {}}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    logs: {receivers: [otlp], exporters: [lines]}
    traces: {receivers: [otlp], exporters: [lines]}
`

func main() {
	listen := flag.String("listen", "127.0.0.1:4318", "where OTLP over HTTP is received")
	out := flag.String("out", "", "the file that gets a line a record")
	flag.Parse()
	if err := run(*listen, *out); err != nil {
		fmt.Fprintln(os.Stderr, "otelcol:", err)
		os.Exit(1)
	}
}

func run(listen, out string) error {
	file, err := os.OpenFile(out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	collector, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Version: "test"},
		Factories: func() (otelcol.Factories, error) { return factories(&lines{file: file}) },
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{"yaml:" + fmt.Sprintf(settings, listen)}, ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()}}},
	})
	if err != nil {
		return err
	}
	return collector.Run(context.Background())
}

func factories(l *lines) (otelcol.Factories, error) {
	kind := component.MustNewType("lines")
	settings := func() component.Config { return &struct{}{} }
	stable := component.StabilityLevelStable
	in := otlpreceiver.NewFactory()
	out := exporter.NewFactory(kind, settings,
		exporter.WithLogs(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			return exporterhelper.NewLogs(ctx, set, cfg, l.logs, exporterhelper.WithCapabilities(consumer.Capabilities{}))
		}, stable),
		exporter.WithTraces(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
			return exporterhelper.NewTraces(ctx, set, cfg, l.traces)
		}, stable))
	return otelcol.Factories{
		Receivers: map[component.Type]receiver.Factory{in.Type(): in},
		Exporters: map[component.Type]exporter.Factory{kind: out},
		Telemetry: otelconftelemetry.NewFactory(),
	}, nil
}

// lines writes what arrives.
type lines struct {
	mu   sync.Mutex
	file *os.File
}

func (l *lines) write(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.file.WriteString(text)
	return err
}

func (l *lines) logs(_ context.Context, in plog.Logs) error {
	text := ""
	for _, r := range in.ResourceLogs().All() {
		for _, s := range r.ScopeLogs().All() {
			for _, rec := range s.LogRecords().All() {
				seq, ok := rec.Attributes().Get("gatehouse.seq")
				if !ok {
					return fmt.Errorf("a record without a number")
				}
				text += fmt.Sprintf("log %d\n", seq.Int())
			}
		}
	}
	return l.write(text)
}

func (l *lines) traces(_ context.Context, in ptrace.Traces) error {
	text := ""
	for _, r := range in.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, span := range s.Spans().All() {
				text += fmt.Sprintf("span %s %s %s\n", span.TraceID(), span.SpanID(), span.Name())
			}
		}
	}
	return l.write(text)
}
