package main

import (
	"errors"
	"net"
	"net/http"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
	"gatehouse/web"
)

// serveMetrics answers Prometheus on a listener of its own, where that is wanted: what it says names nobody.
func (d *door) serveMetrics(served chan<- error) (*http.Server, error) {
	if d.settings.Metrics.Listen == "" {
		return nil, nil
	}
	listener, err := supervisor.Listen(supervisor.DoorMetricsFD)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", d.metrics)
	s := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
	go func() {
		if err := s.Serve(web.Limit(listener)); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			served <- err
		}
	}()
	return s, nil
}

func (d *door) metrics(w http.ResponseWriter, r *http.Request) {
	var m protocol.Metrics
	if err := d.decider.Call(r.Context(), protocol.OpMetrics, protocol.Empty{}, &m); err != nil {
		d.log.Error("metrics", "error", err)
		http.Error(w, "the decider does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(m.Text + d.storageText() + d.indexMetrics() + d.sshText())) // the client may be gone
}
