package decider

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
)

// auditRefuses is what is said of a log that takes no entries; the decider's own log has why.
const auditRefuses = "the audit log cannot be written"

// health tries whether the audit log takes an entry.
func (d *Decider) health(ctx context.Context, _ protocol.Empty) (protocol.Health, error) {
	return protocol.Health{Audit: d.auditProblem(ctx)}, nil
}

func (d *Decider) auditProblem(ctx context.Context) string {
	if err := d.log.Probe(ctx); err != nil {
		d.cfg.Log.Error("audit log cannot be written", "error", err)
		return auditRefuses
	}
	return ""
}

// status says how the decider is, to root on this machine. It is no entry: nothing of it is anybody's.
func (d *Decider) status(ctx context.Context, _ protocol.Empty) (protocol.Status, error) {
	out := protocol.Status{Version: d.cfg.Version, Node: d.cfg.Node, Started: d.started, Audit: d.auditProblem(ctx)}
	d.mu.RLock()
	out.Policy, out.PolicySince, out.Problem = d.policy.Hash(), d.policySince, cut(d.problem, maxText)
	out.Connections, out.Sessions, out.Targets = len(d.conns), len(d.sessions), len(d.inventory.Targets)
	d.mu.RUnlock()
	text, _, _ := strings.Cut(string(d.log.Checkpoint()), "\n\n")
	cp, err := audit.ParseCheckpoint(text + "\n")
	if err != nil {
		return protocol.Status{}, err
	}
	out.Entries = cp.Size
	for _, s := range d.anchors.States() {
		out.Anchors = append(out.Anchors, protocol.AuditAnchor{Kind: s.Kind, Name: s.Name, Size: s.Size, At: s.At, Problem: cut(s.Problem, auditWord), Alarm: cut(s.Alarm, 2*auditWord)})
	}
	cas, err := d.caStatus(ctx, protocol.Empty{})
	out.CAs, out.Signers = cas.CAs, d.deadSigners()
	return out, err
}

// deadSigners are the CAs whose keys could not sign when they were last asked to.
func (d *Decider) deadSigners() []string {
	d.signers.mu.Lock()
	defer d.signers.mu.Unlock()
	var out []string
	for _, name := range ca.Names() {
		if d.signers.noted[string(name)].faulty {
			out = append(out, string(name))
		}
	}
	return out
}

// countPolicy makes numbers of whether the policy on disk is in force, and since when the one in force is.
func (d *Decider) countPolicy() {
	look := func(name, help string, get func() float64) {
		d.metrics.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			d.mu.RLock()
			defer d.mu.RUnlock()
			return get()
		}))
	}
	look("gatehouse_policy_problem", "1 while what is on disk is not valid and the last good policy is in force.", func() float64 {
		if d.problem != "" {
			return 1
		}
		return 0
	})
	look("gatehouse_policy_since_seconds", "When the policy in force came into force, in seconds since unix epoch.", func() float64 { return float64(d.policySince.Unix()) })
}
