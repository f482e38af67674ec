// Package endpoint says what a forward may name and which addresses the door may dial for one.
//
// It trusts nothing: hosts come from clients, addresses from whoever answers for a name. What it lets through is written in one
// way only, so that what is decided, recorded and dialled is the same text, and is never an address by which the machine would
// be dialling itself or a service of its own network link (invariant 7).
package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// The bounds of a host's name (RFC 1035 section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// Host is a host as it is decided: a name in lower case, or an address.
type Host struct {
	Name    string     // the name, or the address as it is usually written
	Address netip.Addr // set where the client gave an address
}

// Parse reads a host as a client sends it. A host has one spelling here: what resolvers and address parsers read in more ways than
// one (127.1, 0x7f000001, 0177.0.0.1, a dot at the end, zones, letters outside ASCII) is refused.
func Parse(text string) (Host, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return parseAddress(addr)
	}
	if len(text) == 0 || len(text) > maxName {
		return Host{}, fmt.Errorf("a host's name has 1 to %d bytes, not %d", maxName, len(text))
	}
	name := strings.ToLower(text)
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return Host{}, err
		}
	}
	last := labels[len(labels)-1]
	if number(last) {
		return Host{}, errors.New("it reads like an address in an unusual form: write an address as 192.0.2.7 or 2001:db8::7, and end a name in letters")
	}
	if last == "localhost" || name == "localhost.localdomain" || name == "ip6-localhost" || name == "ip6-loopback" {
		return Host{}, errors.New("localhost is Gatehouse's own machine")
	}
	return Host{Name: name}, nil
}

// number reports whether a resolver may take a name's last part for a number, and with it the whole name for an address.
func number(label string) bool {
	hex, is := strings.CutPrefix(label, "0x")
	if is {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func parseAddress(addr netip.Addr) (Host, error) {
	if addr.Zone() != "" {
		return Host{}, errors.New("an address with a zone is of one link only")
	}
	addr = addr.Unmap()
	return Host{Name: addr.String(), Address: addr}, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a host's name has no empty part and no dot at the end")
	case len(label) > maxLabel:
		return fmt.Errorf("a part of a host's name has at most %d bytes", maxLabel)
	case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return errors.New("a host's name has letters, digits, - and _ only; write others as xn--…")
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("no part of a host's name begins or ends with -")
	}
	return nil
}

// maxSocket bounds a unix socket's path: sun_path of Linux, without its NUL (unix(7)).
const maxSocket = 107

// CheckSocket says why a path cannot be that of a unix socket that a forward names: it is absolute, and has one spelling.
func CheckSocket(path string) error {
	switch {
	case len(path) > maxSocket:
		return fmt.Errorf("a socket's path has at most %d bytes", maxSocket)
	case !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/"):
		return errors.New("a socket's path is absolute, as in /run/app.sock")
	case strings.ContainsFunc(path, func(r rune) bool { return r < 0x20 || r >= 0x7f }):
		return errors.New("a socket's path has printable ASCII only")
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return errors.New("a socket's path has no empty part, and neither . nor .. in it")
		}
	}
	return nil
}
