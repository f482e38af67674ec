package export

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// receiver is a syslog server that can be made to vanish.
type receiver struct {
	t    *testing.T
	addr string
	got  testsink.Seqs

	mu    sync.Mutex
	l     net.Listener
	conns []net.Conn
	work  sync.WaitGroup
	pause time.Duration // after each message
	last  string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, addr: "127.0.0.1:0"}
	r.up()
	t.Cleanup(r.down)
	return r
}

func (r *receiver) up() {
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.addr, r.l = l.Addr().String(), l
	r.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, c)
			r.mu.Unlock()
			r.work.Go(func() { r.serve(c) })
		}
	})
}

var seqParam = regexp.MustCompile(`^<\d{1,3}>1 \S+ door-1 gatehouse - \S+ \[gatehouse@32473 seq="(\d+)" leaf="[^"]{44}"`)

func (r *receiver) serve(c net.Conn) {
	defer c.Close()
	_ = readOctets(c, func(msg string) bool { // ends with the connection
		m := seqParam.FindStringSubmatch(msg)
		if m == nil {
			r.t.Errorf("message %.200q", msg)
			return false
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			r.t.Error(err)
		}
		r.got.Add(n)
		r.mu.Lock()
		pause := r.pause
		r.last = msg
		r.mu.Unlock()
		time.Sleep(pause)
		return true
	})
}

// down ends everything at once, with what was not read.
func (r *receiver) down() {
	r.mu.Lock()
	_ = r.l.Close()
	for _, c := range r.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.work.Wait()
}

func (r *receiver) sink() config.Sink {
	return config.Sink{Name: "siem", Format: "entry", Syslog: &config.SyslogSink{Address: r.addr, Facility: "local4"}}
}

// TestSyslogReceiverDies: a receiver that dies with what it had not read gets it again.
func TestSyslogReceiverDies(t *testing.T) {
	b, r := newBench(t), newReceiver(t)
	b.start(r.sink())
	for range 5 {
		r.mu.Lock()
		r.pause = time.Millisecond // slow: most of what is sent lies in the sockets
		r.mu.Unlock()
		have := r.got.Len()
		b.add(3000)
		b.until("some arrive", func() bool { return r.got.Len() > have })
		r.down()
		b.add(100)
		r.mu.Lock()
		r.pause = 0
		r.mu.Unlock()
		r.up()
	}
	b.until("all arrive", func() bool { return int64(r.got.Len()) >= b.log.Size() })
	t.Logf("%d of %d came more than once", b.complete(&r.got), b.log.Size())
	if s := b.e.Stats()[0]; s.Failures == 0 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSyslogSenderRestarts: what was sent shortly before the end is sent again, everything else is not.
func TestSyslogSenderRestarts(t *testing.T) {
	b, r := newBench(t), newReceiver(t)
	b.start(r.sink())
	b.add(5000)
	b.caughtUp()
	b.halt()
	b.start(r.sink())
	b.add(1000)
	b.caughtUp()
	b.until("all arrive", func() bool { return int64(r.got.Len()) >= b.log.Size() })
	b.complete(&r.got)
}

// TestHold: an entry is let go of when enough came after it and enough time has passed, or when far too many came after it.
func TestHold(t *testing.T) {
	h := hold{least: 10, most: 100, age: time.Minute}
	at := time.Unix(1000, 0)
	h.add(position{Next: 5}, 5, at)
	h.add(position{Next: 20}, 15, at)
	for _, c := range []struct {
		after time.Duration
		next  int64
	}{{0, 0}, {59 * time.Second, 0}, {time.Minute, 5}, {time.Hour, 0}} {
		if p, ok := h.settled(at.Add(c.after)); p.Next != c.next || ok != (c.next > 0) {
			t.Errorf("after %s: %v %v", c.after, p, ok)
		}
	}
	h.add(position{Next: 120}, 100, at)
	if p, ok := h.settled(at); !ok || p.Next != 20 {
		t.Errorf("too many: %v %v", p, ok)
	}
	var none hold
	none.add(position{Next: 1}, 1, at)
	if p, ok := none.settled(at); !ok || p.Next != 1 {
		t.Errorf("a receiver that acknowledges: %v %v", p, ok)
	}
}

// TestMessage: the exact bytes of a message, and that nothing in an entry can end a parameter, a line or the message.
func TestMessage(t *testing.T) {
	m := &message{facility("local4"), "entry"}
	line := `{"v":1,"seq":7,"time":"2026-11-22T12:00:00.000000Z","node":"door 1\n","type":"decision","actor":"agent:bot\"] [x@1 seq=\"8\"\n\u202e","target":"web-1","login":"deploy","outcome":"deny","reason":"no\nway"}`
	r := audit.Record{Seq: 7, Line: []byte(line)}
	got, err := m.append(nil, r)
	leaf := r.Leaf()
	want := `<164>1 2026-11-22T12:00:00.000000Z door_1_ gatehouse - decision [gatehouse@32473 seq="7" leaf="` + leaf.String() +
		`" type="decision" outcome="deny" actor="agent:bot\"\] [x@1 seq=\"8\"??" target="web-1" login="deploy"] ` + line
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	m.format = "text"
	got, err = m.append(nil, r)
	if want := `] decision deny by agent:bot"] [x@1 seq="8"?? on deploy@web-1: no?way`; err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	m.format = "entry"
	big := strings.Replace(line, `"reason"`, `"data":"`+strings.Repeat("x", maxMessage)+`","reason"`, 1)
	got, err = m.append(nil, audit.Record{Seq: 7, Line: []byte(big)})
	if err != nil || len(got) > 2000 || !strings.Contains(string(got), `"data":{"left_out":65538}`) {
		t.Errorf("%v: %d bytes\n%.500s", err, len(got), got)
	}
}

// TestSyslogRenewsItsConnection: before the lender ends a connection it is made anew, without repeating anything.
func TestSyslogRenewsItsConnection(t *testing.T) {
	b, r := newBench(t), newReceiver(t)
	now := time.Now()
	var mu sync.Mutex
	e, err := New(Config{Dir: b.path("log"), State: b.path("state"), Sinks: []config.Sink{r.sink()}, Size: b.log.Size, Dial: dialTCP, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	b.must(err)
	b.run(e)
	b.add(10)
	b.caughtUp()
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	b.add(10)
	b.until("all arrive", func() bool { return int64(r.got.Len()) == b.log.Size() })
	if twice := b.complete(&r.got); twice > 0 || len(r.conns) != 2 {
		t.Errorf("%d twice over %d connections", twice, len(r.conns))
	}
}
