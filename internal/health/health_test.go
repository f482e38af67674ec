package health

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(b *Board, path string) (int, Report, string) {
	mux := http.NewServeMux()
	b.Serve(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	var r Report
	_ = json.Unmarshal(w.Body.Bytes(), &r)
	return w.Code, r, w.Body.String()
}

// A fault makes the process not ready, and not alive only where it could not go on; why stays in the log.
func TestReports(t *testing.T) {
	bad := errors.New("open /secret/path: no")
	for _, c := range []struct {
		live, other  error
		livez, ready int
	}{{nil, nil, 200, 200}, {nil, bad, 200, 503}, {bad, nil, 503, 503}} {
		b := New(Config{Checks: []Check{
			{Name: "heart", Fault: "it has stopped", Live: Works, Run: func(context.Context) error { return c.live }},
			{Name: "disk", Fault: "it is full", Run: func(context.Context) error { return c.other }}}})
		code, r, _ := ask(b, "/livez")
		if code != c.livez || len(r.Checks) != 1 {
			t.Errorf("%+v: livez %d %+v", c, code, r)
		}
		code, r, text := ask(b, "/readyz")
		if code != c.ready || len(r.Checks) != 2 || (r.Status == "ok") != (code == 200) || strings.Contains(text, "secret") {
			t.Errorf("%+v: readyz %d %s", c, code, text)
		}
	}
}

// What only has to answer may find what it likes, and be slow about it; if it does not come back, the process is not alive.
func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, hang := range []bool{false, true} {
			b := New(Config{Checks: []Check{{Name: "disk", Live: Answers, Run: func(ctx context.Context) error {
				if hang {
					time.Sleep(time.Minute)
				}
				return errors.New("full")
			}}}})
			if code, _, _ := ask(b, "/livez"); code != 200 {
				t.Errorf("hangs %t, for two seconds so far: livez %d", hang, code)
			}
			time.Sleep(stuckTime)
			if code, _, _ := ask(b, "/livez"); (code == 200) == hang {
				t.Errorf("hangs %t: livez %d", hang, code)
			}
			if code, _, _ := ask(b, "/readyz"); code != 503 {
				t.Errorf("hangs %t: readyz %d", hang, code)
			}
			time.Sleep(time.Minute) // it comes back in the end
		}
	})
}

// However many ask, a check runs once in a while; one that hangs holds nobody up for long and is not piled up.
func TestBoundedWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs, cheap, hung atomic.Int64
		release := make(chan struct{})
		b := New(Config{Checks: []Check{
			{Name: "quick", Run: func(context.Context) error { runs.Add(1); return nil }},
			{Name: "cheap", Cheap: true, Run: func(context.Context) error { cheap.Add(1); return nil }},
			{Name: "stuck", Fault: "stuck", Run: func(context.Context) error { hung.Add(1); <-release; return nil }}}})
		begun := time.Now()
		var work sync.WaitGroup
		for range 100 {
			work.Go(func() {
				if r := b.Report(false); r.Status != "fail" || r.Checks[2].Problem != "stuck" || !r.Checks[0].OK {
					t.Errorf("%+v", r)
				}
			})
		}
		work.Wait()
		if took := time.Since(begun); took != checkTime || runs.Load() != 1 {
			t.Errorf("%s, %d runs", took, runs.Load())
		}
		time.Sleep(keepFor)
		b.Look()
		b.Look()
		if runs.Load() != 2 || cheap.Load() != 102 || hung.Load() != 1 {
			t.Errorf("%d runs, %d hang", runs.Load(), hung.Load())
		}
		close(release)
		time.Sleep(keepFor)
		if r := b.Report(false); r.Status != "ok" {
			t.Errorf("%+v", r)
		}
	})
}
