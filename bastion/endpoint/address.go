package endpoint

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// ErrAddress says that the door dials an address for nobody. The text of the wrapped error is for the operator: a client is not
// told what a name resolved to.
var ErrAddress = errors.New("the address is not one that Gatehouse dials")

// never are the networks that no forward reaches from here, whatever policy says, and why.
var never = []struct {
	network netip.Prefix
	why     string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified: this machine"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds give out credentials"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments, where clouds give out credentials"},
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("224.0.0.0/3"), "multicast, reserved or broadcast"},
	{netip.MustParsePrefix("::/96"), "unspecified, loopback, or an IPv4 address in a form that is given up"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "an IPv4 address as translators write it"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a local translation prefix: what is behind it cannot be read off"},
	{netip.MustParsePrefix("2001::/32"), "Teredo: what is behind it cannot be read off"},
	{netip.MustParsePrefix("fd00:ec2::/64"), "a cloud's metadata"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "a cloud's metadata"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local, which is given up"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// Prefixes whose addresses carry an IPv4 address, which is where a packet ends up: RFC 6052 (NAT64), RFC 3056 (6to4).
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// Guard decides which addresses may be dialled. Its zero value is ready.
type Guard struct {
	// Own reports whether an address is this machine's; nil asks the kernel.
	Own func(netip.Addr) bool
}

// Check says why an address may not be dialled; the error is ErrAddress.
func (g Guard) Check(addr netip.Addr) error {
	own := g.Own
	if own == nil {
		own = Own
	}
	for _, a := range append(embedded(addr), addr.Unmap()) {
		if why := forbidden(a); why != "" {
			return &addressError{addr, why}
		}
		if own(a) {
			return &addressError{addr, "this machine's own"}
		}
	}
	return nil
}

type addressError struct {
	addr netip.Addr
	why  string
}

func (e *addressError) Error() string { return e.addr.String() + ": " + e.why }
func (e *addressError) Unwrap() error { return ErrAddress }

func forbidden(addr netip.Addr) string {
	if !addr.IsValid() || addr.Zone() != "" {
		return "not an address by itself"
	}
	for _, n := range never {
		if n.network.Contains(addr) {
			return n.why
		}
	}
	return ""
}

// embedded are the IPv4 addresses that an IPv6 address leads to: NAT64, 6to4, and ISATAP (RFC 5214 section 6.1).
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() || addr.Is4In6() {
		return nil
	}
	b := addr.As16()
	var out []netip.Addr
	if nat64.Contains(addr.WithZone("")) {
		out = append(out, netip.AddrFrom4([4]byte(b[12:16])))
	}
	if sixToFour.Contains(addr.WithZone("")) {
		out = append(out, netip.AddrFrom4([4]byte(b[2:6])))
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		out = append(out, netip.AddrFrom4([4]byte(b[12:16])))
	}
	return out
}

// Own reports whether the kernel takes an address for this machine's at this moment: it is one if a socket can be bound to it. That
// sees addresses that came after the start, and networks that are local as a whole, and needs no netlink, which the door's sandbox
// does not have. Where the kernel lets anybody bind to anything (net.ipv4.ip_nonlocal_bind), every address is one, and nothing is
// dialled.
func Own(addr netip.Addr) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		// Only these two say that it is not: without a descriptor to ask with, nobody knows.
		return !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EAFNOSUPPORT)
	}
	_ = c.Close()
	return true
}
