package decider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/ca"
	"gatehouse/internal/decider/anchor"
	"gatehouse/recorder/audit"
)

// Anchors says who is handed the log's checkpoints.
type Anchors struct {
	Witnesses []anchor.Witness
	Places    []anchor.Place
	Every     time.Duration // 0: the default
}

// openAnchors prepares to hand checkpoints out, and makes their age a number.
func (d *Decider) openAnchors() error {
	dir := LogDir(d.cfg.Dir)
	key, err := os.ReadFile(filepath.Join(dir, audit.VerifierFile))
	if err != nil {
		return fmt.Errorf("log verifier key: %w", err)
	}
	d.anchors, err = anchor.New(anchor.Config{LogDir: dir, VerifierKey: strings.TrimSpace(string(key)), Checkpoint: d.log.Checkpoint,
		Append: func(ctx context.Context, e audit.Entry) error { return d.append(ctx, e) }, Dial: d.dial,
		Witnesses: d.cfg.Anchors.Witnesses, Places: d.cfg.Anchors.Places, Every: d.cfg.Anchors.Every, Now: d.cfg.Now, Log: d.cfg.Log.Named("anchor")})
	if err != nil {
		return err
	}
	d.metrics.registry.MustRegister(anchorNumbers{d})
	return nil
}

// runAnchors hands checkpoints out while a door lends streams. The returned function ends that and waits.
func (d *Decider) runAnchors(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { d.anchors.Run(ctx) })
	return func() {
		cancel()
		work.Wait()
	}
}

// anchorNumbers are the ages of what witnesses and anchors have. Their names come from the configuration.
type anchorNumbers struct{ d *Decider }

var (
	anchorAge = prometheus.NewDesc("gatehouse_audit_anchor_age_seconds",
		"How long ago a witness or anchor took the newest checkpoint that it has; since the start if it took none.", []string{"kind", "name"}, nil)
	anchorAlarm = prometheus.NewDesc("gatehouse_audit_witness_alarm", "1 while a witness contradicts the audit log.", []string{"name"}, nil)
)

// Describe is prometheus.Collector.
func (anchorNumbers) Describe(out chan<- *prometheus.Desc) { out <- anchorAge; out <- anchorAlarm }

// Collect is prometheus.Collector.
func (n anchorNumbers) Collect(out chan<- prometheus.Metric) {
	for _, s := range n.d.anchors.States() {
		from := s.At
		if from.IsZero() {
			from = s.Since
		}
		out <- prometheus.MustNewConstMetric(anchorAge, prometheus.GaugeValue, max(n.d.cfg.Now().Sub(from).Seconds(), 0), s.Kind, s.Name)
		if s.Kind != "witness" {
			continue
		}
		alarm := 0.0
		if s.Alarm != "" {
			alarm = 1
		}
		out <- prometheus.MustNewConstMetric(anchorAlarm, prometheus.GaugeValue, alarm, s.Name)
	}
}

// keysEntry names the public keys that this start uses: what a proof of one session needs besides its own entries.
func (d *Decider) keysEntry() audit.Entry {
	m := d.cas.Manifest()
	cas := map[string][]any{}
	for _, name := range ca.Names() {
		for _, k := range m.Keys(name) {
			cas[string(name)] = append(cas[string(name)], map[string]any{"generation": k.Generation, "state": k.State, "public_key": k.PublicKey})
		}
	}
	return audit.Entry{Type: audit.KeysUsed, Outcome: "ok", Policy: d.PolicyHash(), Data: data(map[string]any{"cas": cas, "permit": d.PermitKey()})}
}
