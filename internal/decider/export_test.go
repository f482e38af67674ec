package decider

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
)

// TestExportMoveNeedsTheLog: a cursor moves only after the entry that says so is durable.
func TestExportMoveNeedsTheLog(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock()}
	b.write("policy.yaml", testPolicy)
	b.write("targets.yaml", testTargets)
	cfg := b.config()
	cfg.Export = []config.Sink{{Name: "x", Format: "entry", File: &config.FileSink{Path: filepath.Join(b.dir, "out.jsonl"), MaxSize: 1 << 20, Keep: 1}}}
	d, err := Open(t.Context(), cfg)
	b.must(err)
	t.Cleanup(func() { _ = d.Close() })
	b.must(d.exporter.Move("x", 1))
	b.must(d.log.Close())
	cursor := func() string {
		text, err := os.ReadFile(filepath.Join(CursorDir(d.cfg.Dir), "x.json"))
		b.must(err)
		return string(text)
	}
	before := cursor()
	if _, err := d.moveExport(t.Context(), protocol.ExportMove{Sink: "x", From: "0", By: "root"}); err == nil {
		t.Fatal("it moved without an entry")
	}
	if after := cursor(); after != before {
		t.Errorf("the cursor went from %s to %s", before, after)
	}
}
