package endpoint_test

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"gatehouse/bastion/endpoint"
)

func TestParse(t *testing.T) {
	long := strings.Repeat("a.", 126) + "b"
	for text, want := range map[string]string{
		"db-1": "db-1", "DB-1.Example": "db-1.example", "_x.y": "_x.y", "10.0.0.7": "10.0.0.7", "2001:DB8::7": "2001:db8::7",
		"::ffff:10.0.0.7": "10.0.0.7", "xn--bcher-kva.example": "xn--bcher-kva.example", "3f2a1b": "3f2a1b", "1.2.3.4.example": "1.2.3.4.example", long: long,
		"127.0.0.1": "127.0.0.1", "::ffff:7f00:1": "127.0.0.1", "0.0.0.0": "0.0.0.0", // Check refuses them
	} {
		h, err := endpoint.Parse(text)
		if err != nil || h.Name != want {
			t.Errorf("%q: got %+v, %v; want %q", text, h, err, want)
		}
	}
	for _, text := range []string{
		"", "db-1.", ".", "a..b", "-a", "a-", strings.Repeat("a", 64), long + "c", strings.Repeat("x", 1<<20),
		"127.1", "2130706433", "0x7f000001", "0X7F.1", "0177.0.0.1", "127.0.0.01", "1.2.3", "1.2.3.4.", "a.0x", "999.1.1.1", "0", "017700000001", "1.2.3.4.5",
		"localhost", "LocalHost", "a.localhost", "localhost.localdomain", "ip6-localhost",
		"fe80::1%eth0", "::1%lo", "[::1]", "::ffff:1.2.3.4%1", "1:2", "db-1:22", "user@db-1", "db-1/x", "db 1", "db\x001", "db-1\x00.example", "b\xc3\xbccher.example",
		"\u217c\u206d", "127\u3002\u30020.1", "\uff11\uff12\uff17.0.0.1", "db-1\n", "*", "db-?", "${x}", "`id`", "%31",
	} {
		if h, err := endpoint.Parse(text); err == nil {
			t.Errorf("%.60q is taken for %+v", text, h)
		}
	}
}

func TestCheckSocket(t *testing.T) {
	for _, path := range []string{"/run/app.sock", "/a", "/run/user/1000/x y"} {
		if err := endpoint.CheckSocket(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{"", "run/x", "/", "/a/", "//a", "/a//b", "/a/./b", "/a/../b", "/..", "@abstract", "\x00abstract", "/a\x00b", "/a\nb", "/" + strings.Repeat("a", 107), "/\xff"} {
		if endpoint.CheckSocket(path) == nil {
			t.Errorf("%q is taken", path)
		}
	}
}

func TestCheck(t *testing.T) {
	own := netip.MustParseAddr("192.0.2.2")
	g := endpoint.Guard{Own: func(a netip.Addr) bool { return a == own }}
	for _, text := range []string{"10.0.0.7", "192.168.1.1", "172.16.0.1", "203.0.113.9", "2001:db8::7", "fd12::1", "64:ff9b::10.0.0.7", "2002:a00:7::1", "100.64.0.1", "192.0.2.3", "::ffff:10.0.0.7"} {
		if err := g.Check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2", "192.0.0.192", "100.100.100.200", "168.63.129.16",
		"224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", "::", "::1", "::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.0.2.2", "64:ff9b:1::10.0.0.7", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c000:202::1", "2001::1",
		"fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "fe80::5efe:10.0.0.7",
		"2001:db8::5efe:127.0.0.1", "2001:db8::200:5efe:169.254.169.254", "2001:db8::5efe:192.0.2.2",
		"192.0.2.2", "::ffff:192.0.2.2", "2001:db8::1%eth0",
	} {
		if err := g.Check(netip.MustParseAddr(text)); !errors.Is(err, endpoint.ErrAddress) {
			t.Errorf("%s may be dialled: %v", text, err)
		}
	}
	if g.Check(netip.Addr{}) == nil {
		t.Error("no address may be dialled")
	}
}

// TestOwn asks the kernel of this machine.
func TestOwn(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "198.51.100.7": false, "2001:db8::dead": false} {
		if got := endpoint.Own(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is this machine's own: %v", text, got)
		}
	}
}

// TestOwnWithoutDescriptors: while the kernel cannot be asked, every address may be this machine's.
func TestOwnWithoutDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	own := endpoint.Own(netip.MustParseAddr("198.51.100.7"))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !own {
		t.Error("an address of which nobody knows is dialled")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"db-1", "127.1", "::1", "0x7f.1", "a.localhost", "10.0.0.7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := endpoint.Parse(text)
		if err != nil {
			return
		}
		again, err := endpoint.Parse(h.Name)
		if err != nil || again != h {
			t.Fatalf("%q is %+v and then %+v, %v", text, h, again, err)
		}
		if addr, err := netip.ParseAddr(h.Name); (err == nil) != h.Address.IsValid() || err == nil && addr != h.Address {
			t.Fatalf("%q: %+v", text, h)
		}
	})
}
