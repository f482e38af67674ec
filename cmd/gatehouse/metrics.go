package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
	"gatehouse/web"
)

// serveMetrics answers Prometheus, and who asks how the service is, on a listener of its own, where that is wanted: what it
// says names nobody.
func (d *door) serveMetrics(served chan<- error) (*http.Server, error) {
	if d.settings.Metrics.Listen == "" {
		return nil, nil
	}
	listener, err := supervisor.Listen(supervisor.DoorMetricsFD)
	if err != nil {
		return nil, err
	}
	d.countState()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(prometheus.Gatherers{d.numbers.registry, d.server.Numbers(), prometheus.GathererFunc(d.deciderNumbers)},
		promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 8 * time.Second, ErrorLog: d.log.Named("metrics").StandardLogger(nil)}))
	d.health.Serve(mux)
	s := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
	go func() {
		if err := s.Serve(web.Limit(listener)); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			served <- err
		}
	}()
	return s, nil
}

// metricsTime is how long the decider may take for its numbers.
const metricsTime = 5 * time.Second

// deciderNumbers asks the decider for its numbers. Without them there are none at all: an absent number is an alert as well.
func (d *door) deciderNumbers() ([]*dto.MetricFamily, error) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTime)
	defer cancel()
	var m protocol.Metrics
	if err := d.decider.Call(ctx, protocol.OpMetrics, protocol.Empty{}, &m); err != nil {
		return nil, fmt.Errorf("the decider does not answer: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(m.Text))
	if err != nil {
		return nil, fmt.Errorf("numbers of the decider: %w", err)
	}
	out := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// countState adds the numbers that are looked up when somebody asks.
func (d *door) countState() {
	n := d.numbers
	n.gauge("gatehouse_sessions_live", "Sessions on targets that run now.", func() float64 { return float64(d.server.Live()) })
	n.gauge("gatehouse_draining", "1 while the service stops and only lets live sessions end.", func() float64 { return truth(d.ending.draining.Load()) })
	d.countStorage()
	d.countShells()
	d.countIndex()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
