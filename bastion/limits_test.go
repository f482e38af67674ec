package bastion

import (
	"net"
	"testing"
	"time"
)

func limiterOf(t *testing.T, l Limits) *limiter {
	t.Helper()
	out, err := newLimiter(l, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func addr(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }

func TestLimiterBounds(t *testing.T) {
	l := limiterOf(t, Limits{Connections: 4, Starting: 3, PerSource: 2})
	admit := func(ip string, want bool) *slot {
		t.Helper()
		s, over := l.admit(addr(ip))
		if (over == "") != want {
			t.Fatalf("admit(%s): %q, want %v", ip, over, want)
		}
		return s
	}
	a1 := admit("192.0.2.1", true)
	a2 := admit("192.0.2.1", true)
	admit("192.0.2.1", false)        // per source
	admit("::ffff:192.0.2.1", false) // the same source in another form
	b := admit("192.0.2.2", true)
	admit("192.0.2.3", false) // starting in all
	a1.authenticated()
	c := admit("192.0.2.3", true)
	a2.authenticated()
	admit("192.0.2.4", false) // connections in all
	for _, s := range []*slot{a1, a2, b, c} {
		s.release()
		s.release() // twice is once
	}
	if l.all != 0 || l.starting != 0 || len(l.sources)+len(l.live) != 0 {
		t.Fatalf("after all are released: %d open, %d starting, %d and %d sources", l.all, l.starting, len(l.sources), len(l.live))
	}
	admit("192.0.2.1", true)
}

// TestPerSourceByNetwork: one IPv6 host does not take every place of those that are not authenticated, whatever its addresses.
func TestPerSourceByNetwork(t *testing.T) {
	l := limiterOf(t, Limits{Connections: 9, Starting: 9, PerSource: 2})
	for i, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"} {
		if _, over := l.admit(addr(ip)); (over == "") == (i == 2) {
			t.Errorf("%s: %q", ip, over)
		}
	}
}
