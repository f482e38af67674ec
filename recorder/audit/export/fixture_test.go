package export

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a real audit log and what exports it.
type bench struct {
	t    testing.TB
	dir  string
	log  *audit.Log
	note func(audit.Entry) // told of entries that the exporter adds; may be nil

	stop func()
	e    *Exporter
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	const origin = "gatehouse.test/log"
	signer, key, err := audit.LoadOrCreateKey(b.path("log"), origin)
	b.must(err)
	b.log, err = audit.Open(audit.Config{Dir: b.path("log"), Signer: signer, VerifierKey: key, Origin: origin, Node: "door-1"})
	b.must(err)
	t.Cleanup(func() { b.halt(); _ = b.log.Close() })
	return b
}

func (b *bench) path(name string) string {
	p := filepath.Join(b.dir, name)
	if !strings.Contains(name, ".") {
		b.must(os.MkdirAll(p, 0o700))
	}
	return p
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// add appends n entries, in groups.
func (b *bench) add(n int) {
	b.t.Helper()
	for n > 0 {
		group := make([]audit.Entry, min(n, 500))
		for i := range group {
			group[i] = audit.Entry{Type: audit.Decision, Actor: "agent:bot", Session: "ses_01JDABCDEFGHJKMNPQRSTVWXYZ", Outcome: "allow", Reason: "because", Data: json.RawMessage(`{"plan":{"op":"run","argv":["id"]}}`)}
		}
		_, err := b.log.Append(b.t.Context(), group...)
		b.must(err)
		n -= len(group)
	}
	if b.e != nil {
		b.e.Wake()
	}
}

// start begins to export.
func (b *bench) start(sinks ...config.Sink) {
	b.t.Helper()
	e, err := New(Config{Dir: b.path("log"), State: b.path("state"), Sinks: sinks, Size: b.log.Size, Dial: dialTCP,
		Audit: func(ctx context.Context, e audit.Entry) error {
			if b.note != nil {
				b.note(e)
			}
			_, err := b.log.Append(ctx, e)
			return err
		}, FirstWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
	b.must(err)
	b.run(e)
}

func (b *bench) run(e *Exporter) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	b.e, b.stop = e, func() { cancel(); <-done }
}

// halt ends exporting.
func (b *bench) halt() {
	if b.stop != nil {
		b.stop()
		b.stop, b.e = nil, nil
	}
}

// until waits for a condition.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not in time: %s (%+v)", what, b.e.Stats())
		}
	}
}

// caughtUp waits until nothing is left to hand over.
func (b *bench) caughtUp() {
	b.t.Helper()
	b.until("everything is handed over", func() bool { s := b.e.Stats()[0]; return s.Behind == 0 && s.Up })
}

type plain struct{ net.Conn }

func (plain) Flush(context.Context) error { return nil }

func dialTCP(ctx context.Context, host string, port uint16) (Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	return plain{c}, err
}

// complete fails unless 0 to the log's end arrived, and says how many came more than once.
func (b *bench) complete(got *testsink.Seqs) int {
	b.t.Helper()
	twice, err := got.Complete(b.log.Size())
	b.must(err)
	return twice
}

// lines reads the numbers of stored entries in a file and those put aside, oldest first.
func lines(t testing.TB, path string, keep int) *testsink.Seqs {
	t.Helper()
	s := &testsink.Seqs{}
	for i := keep; i >= 0; i-- {
		name := path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", path, i)
		}
		f, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			e, err := audit.Parse(in.Bytes())
			if err != nil {
				t.Fatalf("%s: %v: %.100q", name, err, in.Text())
			}
			s.Add(e.Seq)
		}
		_ = f.Close()
	}
	return s
}

// readOctets reads messages with octet counting until the connection ends or each says no.
func readOctets(r io.Reader, each func(msg string) bool) error {
	in := bufio.NewReader(r)
	for {
		size, err := in.ReadString(' ')
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil || n > 1<<20 {
			return fmt.Errorf("length %q", size)
		}
		msg := make([]byte, n)
		if _, err := io.ReadFull(in, msg); err != nil {
			return err
		}
		if !each(string(msg)) {
			return nil
		}
	}
}
