// Package source says which client addresses count as one where clients are counted by where they come from.
//
// It is pure. It trusts nothing: an address is what the socket says. It guarantees that a host cannot be more than one source by
// choosing among the addresses of its own network: with IPv6 a single host has 2^64 of them.
package source

import "net/netip"

// bits is the length of the IPv6 prefix that is one source: that of a single network (RFC 4291, section 2.5.1).
const bits = 64

// Of is the source of an address: an IPv4 address by itself, an IPv6 address with its network. The zero Addr is the zero Prefix.
func Of(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	p, _ := a.Prefix(min(bits, a.BitLen())) // the zero Addr has none
	return p
}

// Text is Of for an address in text. What is no address is its own source.
func Text(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	return Of(a).String()
}
