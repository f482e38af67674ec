package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a real audit log and what tells of it.
type bench struct {
	t    testing.TB
	dir  string
	log  *audit.Log
	mask func(string) string

	mu    sync.Mutex
	at    time.Time // zero: the real time
	dials []string

	n    *Notifier
	stop func()
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	detector, err := secret.New(secret.Config{})
	b.must(err)
	b.mask = detector.MaskCut
	const origin = "gatehouse.test/log"
	signer, key, err := audit.LoadOrCreateKey(b.path("log"), origin)
	b.must(err)
	b.log, err = audit.Open(audit.Config{Dir: b.path("log"), Signer: signer, VerifierKey: key, Origin: origin, Node: "door-1"})
	b.must(err)
	t.Cleanup(func() { b.halt(); _ = b.log.Close() })
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() {
		return time.Now()
	}
	return b.at
}

// secretFile writes a secret and returns its path.
func (b *bench) secretFile(name, text string) string {
	b.t.Helper()
	b.must(os.WriteFile(b.path(name), []byte(text+"\n"), 0o600))
	return b.path(name)
}

var testKey = []byte("0123456789abcdef0123456789abcdef")

// hook is a channel to a webhook.
func (b *bench) hook(name, url, ca string) config.AlertChannel {
	return config.AlertChannel{Name: name, Kind: config.AlertWebhook, URL: url + "/in", SecretFile: b.secretFile(name+"-key", keyPrefix+base64.StdEncoding.EncodeToString(testKey)), CA: ca,
		MinSeverity: "info", PerHour: 1000, Runbooks: "https://runbooks.test/gatehouse"}
}

// open opens the outbox without running.
func (b *bench) open(channels ...config.AlertChannel) *Notifier {
	b.t.Helper()
	n, err := Open(b.t.Context(), Config{File: b.path("alerts.db"), LogDir: b.path("log"), Size: b.log.Size, Channels: channels, WebURL: "https://gate.test", Node: "door-1", Mask: b.mask, Dial: b.dial,
		Audit:     func(ctx context.Context, e audit.Entry) error { _, err := b.log.Append(ctx, e); return err },
		FirstWait: time.Millisecond, MaxWait: 5 * time.Millisecond, TryLimit: 250 * time.Millisecond, Now: b.now})
	b.must(err)
	return n
}

func (b *bench) dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	b.mu.Lock()
	b.dials = append(b.dials, address)
	b.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// start runs until halt, which is as hard as a goroutine can be ended.
func (b *bench) start(channels ...config.AlertChannel) {
	b.t.Helper()
	n := b.open(channels...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	b.n, b.stop = n, func() { cancel(); <-done; b.must(n.Close()) }
}

func (b *bench) halt() {
	if b.stop != nil {
		b.stop()
		b.stop, b.n = nil, nil
	}
}

func (b *bench) add(entries ...audit.Entry) {
	b.t.Helper()
	_, err := b.log.Append(b.t.Context(), entries...)
	b.must(err)
	if b.n != nil {
		b.n.Wake()
	}
}

// until waits for something of another goroutine.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("never: " + what)
		}
	}
}

// record is an entry as the log would have stored it.
func record(t testing.TB, seq int64, at time.Time, e audit.Entry) audit.Record {
	t.Helper()
	e.V, e.Seq, e.Time, e.Node = audit.Version, seq, at, "door-1"
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	// The log writes times with a fixed width.
	stamp, _ := json.Marshal(at)
	return audit.Record{Seq: seq, Line: []byte(strings.Replace(string(line), string(stamp), `"`+at.UTC().Format("2006-01-02T15:04:05.000000Z")+`"`, 1))}
}
