// Package health says whether a process could do its work now: a fixed list of checks, each with its own time, looked at at
// most so often, whoever asks. What it tells is a check's name and a fixed sentence: nothing of it is anybody's.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// How long one check may take, and how long what it found is told again.
const (
	checkTime = 2 * time.Second
	keepFor   = 2 * time.Second
)

// stuckTime is after how long a check that has not come back is taken never to: a disk that is slow for a while is no reason to
// end what runs.
const stuckTime = 20 * time.Second

// Check is one thing that must work. Run may be called by one goroutine at a time; one that does not come back is not called
// again until it has.
type Check struct {
	Name  string // one word
	Fault string // what is said when it does not work
	Live  Need   // what the process cannot go on without; nothing else than that is reason to start it again
	Cheap bool   // it is run for everybody who asks: it costs nothing
	Run   func(ctx context.Context) error
}

// Need says what of a check a process must have to be alive.
type Need int

// What a check may be to the process. A full disk is no reason to start it again; one that never answers is.
const (
	Nothing Need = iota
	Answers      // it must come back in the end, whatever it finds
	Works        // it must find nothing wrong
)

// Config is what a Board needs.
type Config struct {
	Checks []Check
	Now    func() time.Time // nil means time.Now
	Log    hclog.Logger     // gets the reasons; nil discards them
}

// Result is what a check found.
type Result struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
	TookMS  int64  `json:"took_ms"`

	stuck bool
}

// Report is all of them.
type Report struct {
	Status string   `json:"status"` // "ok" or "fail"
	Checks []Result `json:"checks"`
}

// Board looks and remembers. Safe for concurrent use.
type Board struct {
	cfg  Config
	busy []chan struct{} // a place for each check

	begun []time.Time // when each check was called last; guarded by look

	// look has one place: whoever asks while a look is under way waits and gets what it finds.
	look  chan struct{}
	at    time.Time // guarded by look
	found []Result  // guarded by look
}

// New returns a board.
func New(cfg Config) *Board {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	b := &Board{cfg: cfg, look: make(chan struct{}, 1)}
	for range cfg.Checks {
		b.busy = append(b.busy, make(chan struct{}, 1))
	}
	b.begun = make([]time.Time, len(cfg.Checks))
	return b
}

// Look runs the checks beside each other, or tells what they found a moment ago.
func (b *Board) Look() []Result {
	b.look <- struct{}{}
	defer func() { <-b.look }()
	age := b.cfg.Now().Sub(b.at)
	fresh := b.found != nil && age >= 0 && age < keepFor
	found := make([]Result, len(b.cfg.Checks))
	var work sync.WaitGroup
	for i, c := range b.cfg.Checks {
		if fresh && !c.Cheap {
			found[i] = b.found[i]
			continue
		}
		work.Go(func() { found[i] = b.run(i) })
	}
	work.Wait()
	if !fresh {
		b.at = b.cfg.Now()
	}
	b.found = found
	return found
}

var errSlow = errors.New("no answer in time")

// run gives one check its time.
func (b *Board) run(i int) Result {
	c, begun := b.cfg.Checks[i], time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	done := make(chan error, 1)
	select {
	case b.busy[i] <- struct{}{}:
		b.begun[i] = begun
		go func() {
			err := c.Run(ctx)
			<-b.busy[i] // before anybody knows: the next look is not told that this one is still out
			done <- err
		}()
	default:
		done <- errSlow // the last one has not come back
	}
	err := errSlow
	select {
	case err = <-done:
	case <-ctx.Done():
	}
	r := Result{Name: c.Name, OK: err == nil, TookMS: time.Since(begun).Milliseconds()}
	if err != nil {
		b.cfg.Log.Warn("health check", "check", c.Name, "error", err)
		r.Problem, r.stuck = c.Fault, errors.Is(err, errSlow) && time.Since(b.begun[i]) >= stuckTime
	}
	return r
}

// Report is about the checks that the process cannot live without, or about all.
func (b *Board) Report(onlyLive bool) Report {
	out := Report{Status: "ok", Checks: []Result{}}
	for i, r := range b.Look() {
		need := b.cfg.Checks[i].Live
		if onlyLive && need == Nothing {
			continue
		}
		if !r.OK && (!onlyLive || need == Works || r.stuck) {
			out.Status = "fail"
		}
		out.Checks = append(out.Checks, r)
	}
	return out
}

// Serve answers GET /livez and GET /readyz: 200 or 503, and the report.
func (b *Board) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.Report(true)) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.Report(false)) })
}

func answer(w http.ResponseWriter, r Report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.Status != "ok" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(r) // the client may be gone
}
