package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/bastion"
	"gatehouse/bastion/target"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/number"
	"gatehouse/recorder"
)

// numbers are what the door counts. It counts at the seams through which every session goes (the gate, the evidence, the
// recorder, the dialling of targets), so nothing of the way of a command knows of it. No label holds what a client sent.
type numbers struct {
	registry *prometheus.Registry

	started   prometheus.Counter
	ended     *prometheus.CounterVec
	denials   *prometheus.CounterVec
	decisions *prometheus.HistogramVec
	targets   *prometheus.HistogramVec
	failures  *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	commits   prometheus.Histogram
	unwritten prometheus.Counter
}

func newNumbers() *numbers {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	n := &numbers{registry: prometheus.NewRegistry(),
		started: counter("gatehouse_sessions_started_total", "Sessions that asked something of a target since the start."),
		ended:   counters("gatehouse_sessions_ended_total", "Sessions that have ended since the start, by how.", "outcome"),
		denials: counters("gatehouse_denials_total", "Commands and channels that were not allowed, by the code that the client got.", "code"),
		decisions: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_decision_seconds",
			Help: "How long a decision took, its audit entry included, as the door sees it.", Buckets: number.Seconds}, []string{"verdict"}),
		targets: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_target_seconds",
			Help: "How long it took to reach a target (dial) and to be let in (auth).", Buckets: number.Seconds}, []string{"step"}),
		failures: counters("gatehouse_target_failures_total", "Targets that were not reached, by why.", "why"),
		bytes:    counters("gatehouse_recorder_bytes_total", "What was recorded, as it came (raw) and as it is on the disk (stored).", "kind"),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gatehouse_recorder_commit_seconds",
			Help: "How long a recording's chunk that is on the disk waited for the audit log.", Buckets: number.Seconds}),
		unwritten: counter("gatehouse_recorder_failures_total", "Recordings that could not begin, and chunks that the audit log did not take."),
	}
	n.registry.MustRegister(n.started, n.ended, n.denials, n.decisions, n.targets, n.failures, n.bytes, n.commits, n.unwritten)
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_build_info", Help: "What is running; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()}})
	build.Set(1)
	n.registry.MustRegister(build)
	number.Process(n.registry, "door")
	return n
}

// gauge adds a number that is asked for when somebody looks.
func (n *numbers) gauge(name, help string, get func() float64) {
	n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, get))
}

// counting adds a number that only grows.
func (n *numbers) counting(name, help string, get func() float64) {
	n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, get))
}

// outcomes are the states that a session can end in; whatever else somebody calls one is "other".
var outcomes = map[string]bool{"ended": true, "denied": true, "failed": true, "killed": true, "interrupted": true}

func (n *numbers) sessionEnded(state string) {
	if !outcomes[state] {
		state = "other"
	}
	n.ended.WithLabelValues(state).Inc()
}

// dialled is told of each step towards a target.
func (n *numbers) dialled(step string, took time.Duration, err error) {
	if err == nil {
		n.targets.WithLabelValues(step).Observe(took.Seconds())
		return
	}
	why := "other"
	switch {
	case errors.Is(err, context.Canceled):
		return // nobody wanted it any more
	case errors.Is(err, target.ErrUntrusted):
		why = "untrusted"
	case errors.Is(err, target.ErrRefused):
		why = "refused"
	case errors.Is(err, target.ErrUnreachable):
		why = "unreachable"
	}
	n.failures.WithLabelValues(why).Inc()
}

// commit counts a chunk on its way into the log.
func (n *numbers) commit(commit func(context.Context, recorder.Chunk) error) func(context.Context, recorder.Chunk) error {
	return func(ctx context.Context, c recorder.Chunk) error {
		begun := time.Now()
		err := commit(ctx, c)
		if err != nil {
			n.unwritten.Inc()
			return err
		}
		n.commits.Observe(time.Since(begun).Seconds())
		n.bytes.WithLabelValues("raw").Add(float64(c.Raw))
		n.bytes.WithLabelValues("stored").Add(float64(c.Length))
		return nil
	}
}

// countedGate is the decider, with its decisions counted.
type countedGate struct {
	bastion.Gate
	n *numbers
}

func (g countedGate) Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	begun := time.Now()
	d, err := g.Gate.Decide(ctx, in)
	switch {
	case err != nil:
		g.n.decisions.WithLabelValues("error").Observe(time.Since(begun).Seconds())
	case !d.NeedsKey: // else nothing was decided
		g.n.decisions.WithLabelValues(string(d.Decision.Verdict)).Observe(time.Since(begun).Seconds())
		if d.Decision.Code != "" {
			g.n.denials.WithLabelValues(string(d.Decision.Code)).Inc()
		}
	}
	return d, err
}

// countedEvidence is the decider, with ends and refusals counted.
type countedEvidence struct {
	bastion.Evidence
	n *numbers
}

func (e countedEvidence) Refuse(ctx context.Context, in protocol.Refuse) error {
	e.n.denials.WithLabelValues(in.Code).Inc()
	return e.Evidence.Refuse(ctx, in)
}

func (e countedEvidence) End(ctx context.Context, in protocol.End) error {
	e.n.sessionEnded(in.State)
	return e.Evidence.End(ctx, in)
}

// countedRecorder is the recorder, with what begins counted.
type countedRecorder struct {
	bastion.Recorder
	n *numbers
}

func (r countedRecorder) Open(ctx context.Context, h recorder.Header) (*recorder.Recording, error) {
	r.n.started.Inc()
	rec, err := r.Recorder.Open(ctx, h)
	if err != nil {
		r.n.unwritten.Inc()
	}
	return rec, err
}
