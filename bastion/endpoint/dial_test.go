package endpoint_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"gatehouse/bastion/endpoint"
)

// nameServer answers on loopback for its zone; each answer to one name may be another.
type nameServer struct {
	t       *testing.T
	addr    string
	answers func(name string, kind dnsmessage.Type) []string
}

func startNameServer(t *testing.T, answers func(name string, kind dnsmessage.Type) []string) *nameServer {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{t, c.LocalAddr().String(), answers}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := s.reply(b[:n]); reply != nil {
				_, _ = c.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return s
}

func (s *nameServer) reply(query []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	for _, text := range s.answers(strings.TrimSuffix(q.Name.String(), "."), q.Type) {
		a := netip.MustParseAddr(text)
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		if a.Is4() && q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		} else if a.Is6() && q.Type == dnsmessage.TypeAAAA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	out, err := m.Pack()
	if err != nil {
		s.t.Error(err)
	}
	return out
}

func (s *nameServer) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.addr)
	}}
	return r.LookupNetIP(ctx, "ip", name+".")
}

// TestRebinding: a server that changes its answers gets nothing by it. What was resolved once is dialled, and a good address beside
// a bad one is bad.
func TestRebinding(t *testing.T) {
	turn := 0
	s := startNameServer(t, func(name string, kind dnsmessage.Type) []string {
		switch {
		case name == "mixed.example":
			return []string{"203.0.113.7", "127.0.0.1"}
		case name == "six.example":
			return []string{"203.0.113.7", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe"}
		case name == "many.example" && kind == dnsmessage.TypeA:
			var out []string
			for i := range 60 {
				out = append(out, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String())
			}
			return out
		case name == "turns.example" && kind == dnsmessage.TypeA:
			if turn++; turn%2 == 0 {
				return []string{"169.254.169.254"}
			}
			return []string{"203.0.113.7"}
		}
		return nil
	})
	var dialled []string
	d := endpoint.Dialer{Lookup: s.lookup, Connect: func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
		dialled = append(dialled, to.String())
		return nil, errors.New("nobody there")
	}}
	ctx := t.Context()
	for name, want := range map[string]error{"mixed.example": endpoint.ErrAddress, "six.example": endpoint.ErrAddress, "none.example": endpoint.ErrUnresolved} {
		if found, err := d.Resolve(ctx, endpoint.Host{Name: name}, 16); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if found, err := d.Resolve(ctx, endpoint.Host{Name: "many.example"}, 16); err != nil || len(found) != 16 {
		t.Errorf("many: %v, %v", found, err)
	}
	found, err := d.Resolve(ctx, endpoint.Host{Name: "turns.example"}, 16)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Resolve(ctx, endpoint.Host{Name: "turns.example"}, 16); !errors.Is(err, endpoint.ErrAddress) {
		t.Errorf("the second answer: %v", err)
	}
	if _, _, err := d.Dial(ctx, found, 80); err == nil {
		t.Error("somebody is there")
	}
	if !slices.Equal(dialled, []string{"203.0.113.7:80"}) {
		t.Errorf("dialled %v", dialled)
	}
}

// TestDialThisMachine: a connection that ends up here, as when an address has moved here since it was checked, is not handed out.
func TestDialThisMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	if c, _, err := (endpoint.Dialer{}).Dial(t.Context(), []netip.Addr{at.Addr()}, at.Port()); !errors.Is(err, endpoint.ErrAddress) {
		t.Errorf("got %v, %v", c, err)
	}
}

// TestDialNext: the addresses are tried in their order, and only they.
func TestDialNext(t *testing.T) {
	var dialled []string
	d := endpoint.Dialer{Connect: func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
		dialled = append(dialled, to.String())
		if to.Addr() == netip.MustParseAddr("203.0.113.8") {
			c, _ := net.Pipe()
			return c, nil
		}
		return nil, errors.New("nobody there")
	}}
	list := []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8"), netip.MustParseAddr("203.0.113.9")}
	c, to, err := d.Dial(t.Context(), list, 80)
	if err != nil || to.String() != "203.0.113.8:80" || len(dialled) != 2 {
		t.Fatalf("got %v, %v; dialled %v", to, err, dialled)
	}
	_ = c.Close()
	if _, _, err := d.Dial(t.Context(), nil, 80); err == nil {
		t.Error("no address is somewhere")
	}
}
