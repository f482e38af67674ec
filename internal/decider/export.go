package decider

import (
	"context"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export"
)

// CursorDir is the folder of the exports' cursors in the decider's folder.
func CursorDir(dir string) string { return filepath.Join(dir, "export") }

// openExport prepares what carries the audit log away; nil where nothing is to be.
func (d *Decider) openExport() (err error) {
	if len(d.cfg.Export) == 0 {
		return nil
	}
	d.exporter, err = export.New(export.Config{Dir: LogDir(d.cfg.Dir), State: CursorDir(d.cfg.Dir), Sinks: d.cfg.Export, Size: d.log.Size,
		Dial: d.dialReceiver, Audit: func(ctx context.Context, e audit.Entry) error { return d.append(ctx, e) }, Now: d.cfg.Now, Log: d.cfg.Log.Named("export")})
	if err != nil {
		return err
	}
	d.metrics.registry.MustRegister(exportNumbers{d.exporter})
	return nil
}

// startExport carries until the function that it returns is called; there must be a door to lend streams.
func (d *Decider) startExport(ctx context.Context) (stop func()) {
	if d.exporter == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { d.exporter.Run(ctx) })
	return func() { cancel(); work.Wait() }
}

// dialReceiver borrows a long stream from the door.
func (d *Decider) dialReceiver(ctx context.Context, host string, port uint16) (export.Conn, error) {
	b := d.borrower()
	if b == nil {
		return nil, errNoDoor
	}
	c, err := b.DialLong(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// moveExport makes a sink go on from another entry.
func (d *Decider) moveExport(ctx context.Context, in protocol.ExportMove) (protocol.ExportMoved, error) {
	from, err := config.ParseFrom(in.From)
	switch {
	case in.By == "":
		return protocol.ExportMoved{}, invalid("say who on this machine asks")
	case err != nil:
		return protocol.ExportMoved{}, invalid("%v", err)
	case d.exporter == nil:
		return protocol.ExportMoved{}, refuse("the configuration names no sinks under export:")
	}
	if from.Now {
		from.Seq = d.log.Size()
	}
	if err := d.exporter.CanMove(in.Sink, from.Seq); err != nil {
		return protocol.ExportMoved{}, refuse("%v", err)
	}
	// The entry first: what is left out without one would be missed by nobody.
	if err := d.append(ctx, audit.Entry{Type: audit.Export, Actor: "local:" + cut(in.By, maxID), Object: in.Sink, Outcome: "moved", Data: data(map[string]int64{"next": from.Seq})}); err != nil {
		return protocol.ExportMoved{}, err
	}
	if err := d.exporter.Move(in.Sink, from.Seq); err != nil {
		return protocol.ExportMoved{}, err
	}
	return protocol.ExportMoved{Next: from.Seq}, nil
}

// exportNumbers are the exports' metrics, read when they are asked for.
type exportNumbers struct{ exporter *export.Exporter }

func exportDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"sink"}, nil)
}

var (
	exportSent     = exportDesc("gatehouse_export_entries_total", "Entries handed over since the start, repetitions too.")
	exportFailures = exportDesc("gatehouse_export_failures_total", "Times that a sink did not work; it is tried again.")
	exportLost     = exportDesc("gatehouse_export_lost_total", "Entries that a receiver refuses for good.")
	exportBehind   = exportDesc("gatehouse_export_lag_entries", "Entries that were not handed over yet.")
	exportAge      = exportDesc("gatehouse_export_lag_seconds", "Age of the oldest entry that is being handed over; 0 when there is none.")
	exportUp       = exportDesc("gatehouse_export_up", "1 if the last attempt worked.")
)

// Describe is prometheus' question what there is.
func (exportNumbers) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{exportSent, exportFailures, exportLost, exportBehind, exportAge, exportUp} {
		to <- d
	}
}

// Collect is prometheus' question how much it is.
func (n exportNumbers) Collect(to chan<- prometheus.Metric) {
	for _, s := range n.exporter.Stats() {
		up := 0.0
		if s.Up {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(exportSent, prometheus.CounterValue, float64(s.Sent), s.Sink)
		to <- prometheus.MustNewConstMetric(exportFailures, prometheus.CounterValue, float64(s.Failures), s.Sink)
		to <- prometheus.MustNewConstMetric(exportLost, prometheus.CounterValue, float64(s.Lost), s.Sink)
		to <- prometheus.MustNewConstMetric(exportBehind, prometheus.GaugeValue, float64(s.Behind), s.Sink)
		to <- prometheus.MustNewConstMetric(exportAge, prometheus.GaugeValue, s.BehindTime.Seconds(), s.Sink)
		to <- prometheus.MustNewConstMetric(exportUp, prometheus.GaugeValue, up, s.Sink)
	}
}
