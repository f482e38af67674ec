package source

import (
	"net/netip"
	"testing"
)

// TestOf: one IPv6 network is one source, however its addresses are written; IPv4 addresses are apart.
func TestOf(t *testing.T) {
	for a, b := range map[string]string{"2001:db8::1": "2001:db8::ffff:0:0:1", "192.0.2.1": "::ffff:192.0.2.1", "fe80::1%eth0": "fe80::2"} {
		if Text(a) != Text(b) {
			t.Errorf("%s and %s are two sources: %s, %s", a, b, Text(a), Text(b))
		}
	}
	for a, b := range map[string]string{"192.0.2.1": "192.0.2.2", "2001:db8::1": "2001:db8:0:1::1", "x": "y", "": "192.0.2.1"} {
		if Text(a) == Text(b) {
			t.Errorf("%q and %q are one source", a, b)
		}
	}
	if p := Of(netip.Addr{}); p.IsValid() {
		t.Errorf("the zero address is %s", p)
	}
}
