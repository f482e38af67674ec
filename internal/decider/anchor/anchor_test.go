package anchor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "gatehouse.test"

// bench is a real log with what it hands checkpoints to.
type bench struct {
	t    *testing.T
	dir  string
	key  string
	log  *audit.Log
	dial func(ctx context.Context, host string, port uint16) (net.Conn, error)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.open()
	t.Cleanup(func() { b.log.Close() })
	b.dial = func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
	return b
}

func (b *bench) open() {
	b.t.Helper()
	signer, key, err := audit.LoadOrCreateKey(b.dir, origin)
	must(b.t, err)
	b.key = key
	b.log, err = audit.Open(audit.Config{Dir: b.dir, Signer: signer, VerifierKey: key, Origin: origin, Node: origin})
	must(b.t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) add(n int) {
	b.t.Helper()
	for range n {
		_, err := b.log.Append(b.t.Context(), audit.Entry{Type: audit.Decision, Outcome: "deny"})
		must(b.t, err)
	}
}

func (b *bench) anchors(cfg Config) *Anchors {
	b.t.Helper()
	cfg.LogDir, cfg.VerifierKey, cfg.Dial = b.dir, b.key, func(ctx context.Context, host string, port uint16) (net.Conn, error) { return b.dial(ctx, host, port) }
	cfg.Checkpoint = func() []byte { return b.log.Checkpoint() }
	cfg.Append = func(ctx context.Context, e audit.Entry) error { _, err := b.log.Append(ctx, e); return err }
	a, err := New(cfg)
	must(b.t, err)
	return a
}

func (b *bench) verify() *audit.Bad {
	b.t.Helper()
	rep, err := audit.Verify(b.t.Context(), audit.VerifyOptions{LogDir: b.dir, VerifierKey: b.key})
	must(b.t, err)
	return rep.Bad
}

// Every place gets the newest checkpoint, each in its own form, and only when there is a new one.
func TestPlaces(t *testing.T) {
	b := newBench(t)
	b.add(5)
	var mu sync.Mutex
	got := map[string][]string{}
	keep := func(where, what string) { mu.Lock(); defer mu.Unlock(); got[where] = append(got[where], what) }
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		keep("webhook", string(body))
	}))
	defer hook.Close()
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		keep("s3", fmt.Sprintf("%s %s %s %s %t %s", r.Method, r.URL.Path, r.Header.Get("X-Amz-Object-Lock-Mode"), r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"),
			strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=access/"), body))
		w.Header().Set("ETag", `"x"`)
	}))
	defer bucket.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	heard := make(chan struct{}, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(c)
			c.Close()
			keep("syslog", string(text))
			heard <- struct{}{}
		}
	}()
	file := filepath.Join(t.TempDir(), "checkpoints")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a := b.anchors(Config{Now: func() time.Time { return now }, Places: []Place{{File: file}, {Syslog: l.Addr().String()}, {Webhook: &Webhook{URL: hook.URL + "/hook"}},
		{S3: &S3{Endpoint: bucket.URL, Region: "us-east-1", Bucket: "evidence", AccessKey: "access", SecretKey: "secret", RetainDays: 10}}}})
	for range 2 {
		if !a.round(t.Context()) {
			t.Fatalf("%+v", a.States())
		}
	}
	<-heard
	b.add(1)
	if !a.round(t.Context()) {
		t.Fatalf("%+v", a.States())
	}
	<-heard
	text, err := os.ReadFile(file)
	must(t, err)
	got["file"] = strings.SplitAfter(strings.TrimSpace(string(text)), "\n")
	mu.Lock()
	defer mu.Unlock()
	for where, want := range map[string]string{
		"file": `"size":6`, "webhook": `"size":6`, "syslog": "<110>1 2026-11-22T12:00:00.000000Z gatehouse.test gatehouse - checkpoint - {",
		"s3": "PUT /evidence/gatehouse.test/checkpoint-00000000000000000006 COMPLIANCE 2026-12-02T12:00:00Z true ",
	} {
		if len(got[where]) != 2 || !strings.Contains(got[where][0], want) {
			t.Errorf("%s got %q, want first %q", where, got[where], want)
		}
	}
	if !strings.Contains(got["s3"][0], "\n"+string(b.log.Checkpoint()[:len(origin)+1])+"6\n") {
		t.Errorf("the bucket got %q", got["s3"][0])
	}
	var line struct{ Note string }
	must(t, json.Unmarshal([]byte(got["file"][1]), &line))
	if line.Note != string(b.log.Checkpoint()) {
		t.Errorf("the file has %q", line.Note)
	}
	size, rest, _ := strings.Cut(got["syslog"][0], " ")
	if size != strconv.Itoa(len(rest)) {
		t.Errorf("syslog: %s octets are %d", size, len(rest))
	}
	if a.Reaches("192.0.2.1", 80) || !a.Reaches("127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port)) {
		t.Error("what may be reached is not what the configuration names")
	}
}

// A place that is away costs nobody else anything, and its state says so; redirects lead nowhere.
func TestPlaceAway(t *testing.T) {
	b := newBench(t)
	b.add(1)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	lured := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusTemporaryRedirect))
	defer lured.Close()
	file := filepath.Join(t.TempDir(), "f")
	a := b.anchors(Config{Places: []Place{{Webhook: &Webhook{URL: away.URL}}, {Webhook: &Webhook{URL: lured.URL}}, {File: file}}})
	if a.round(t.Context()) {
		t.Error("all is said to be well")
	}
	s := a.States()
	if s[0].Problem == "" || !s[0].At.IsZero() || !strings.Contains(s[1].Problem, "307") || s[2].Problem != "" || s[2].Size != 2 {
		t.Errorf("%+v", s)
	}
}

// A witness that has more than the log, or another past, is an alarm: in the state, in the log once for each kind, over restarts,
// and audit verify fails; until it cosigns again.
func TestAlarm(t *testing.T) {
	b := newBench(t)
	w, err := witness.New(witness.Config{Dir: t.TempDir(), Name: "w.test/w", Origin: origin, LogKey: b.key})
	must(t, err)
	defer w.Close()
	srv := httptest.NewServer(w.Handler())
	defer srv.Close()
	cfg := Config{Witnesses: []Witness{{URL: srv.URL, Key: w.VerifierKey()}}}
	b.add(3)
	a := b.anchors(cfg)
	if !a.round(t.Context()) || a.States()[0].Size != 4 || a.States()[0].Alarm != "" {
		t.Fatalf("%+v", a.States())
	}
	backup := t.TempDir()
	must(t, os.CopyFS(backup, os.DirFS(b.dir)))
	b.add(20)
	if !a.round(t.Context()) {
		t.Fatalf("%+v", a.States())
	}
	if bad := b.verify(); bad != nil {
		t.Fatal(bad)
	}
	must(t, b.log.Close())
	b.dir = backup
	must(t, os.Chmod(filepath.Join(b.dir, audit.KeyFile), 0o600))
	b.open()
	for range 3 { // a restart each
		a = b.anchors(cfg)
		if a.round(t.Context()) || !strings.HasPrefix(a.States()[0].Alarm, "ROLLBACK: ") {
			t.Fatalf("%+v", a.States())
		}
	}
	if bad := b.verify(); bad == nil || !strings.Contains(bad.What, "missing") {
		t.Errorf("verify finds %v", bad)
	}
	b.add(40)
	a = b.anchors(cfg)
	for range 2 {
		if a.round(t.Context()) || !strings.HasPrefix(a.States()[0].Alarm, "FORK: ") {
			t.Fatalf("%+v", a.States())
		}
	}
	list, _, err := audit.Page(b.dir, audit.Cursor{}, 100)
	must(t, err)
	said := map[string]int{}
	for _, e := range list {
		if e.Type == audit.Witnessed {
			said[e.Outcome]++
		}
	}
	if said["rollback"] != 1 || said["refused"] != 1 || len(said) != 2 {
		t.Errorf("the log says %v", said)
	}
}

// A door that lies about what the witness said gets no cosignature out of it.
func TestLyingDoor(t *testing.T) {
	b := newBench(t)
	b.add(3)
	w, err := witness.New(witness.Config{Dir: t.TempDir(), Name: "w.test/w", Origin: origin, LogKey: b.key})
	must(t, err)
	defer w.Close()
	other, err := witness.New(witness.Config{Dir: t.TempDir(), Name: "w.test/w", Origin: origin, LogKey: b.key})
	must(t, err)
	defer other.Close()
	for name, answer := range map[string]http.Handler{
		"another key": other.Handler(),
		"nothing":     http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		"too much":    http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, 1<<20)) }),
		"a changing size": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(409)
			fmt.Fprintf(rw, "%d\n", r.ContentLength%3+1)
		}),
		"a size of letters": http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(409)
			fmt.Fprint(rw, "x\n")
		}),
	} {
		srv := httptest.NewServer(answer)
		a := b.anchors(Config{Witnesses: []Witness{{URL: srv.URL, Key: w.VerifierKey()}}})
		if a.round(t.Context()) || a.States()[0].Problem == "" {
			t.Errorf("%s: %+v", name, a.States())
		}
		srv.Close()
	}
	if msg, err := audit.Cosigned(b.dir); msg != nil || err != nil {
		t.Errorf("cosigned: %q, %v", msg, err)
	}
}
