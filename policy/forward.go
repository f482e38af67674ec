package policy

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"gatehouse/policy/command"
)

// Via says who dials a forward.
type Via string

// The two: the door itself, which checks the address that it dials, or the target, by its own sshd.
const (
	ViaDoor   Via = "door"
	ViaTarget Via = "target"
)

// ForwardAsk is an endpoint that a client wants to reach: a host and port, or a socket on the target.
type ForwardAsk struct {
	Host    string     `json:"host,omitempty"`
	Port    uint16     `json:"port,omitempty"`
	Socket  string     `json:"socket,omitempty"`
	Address netip.Addr `json:"address,omitzero"` // that Host was resolved to; zero: it was not yet
}

// String is the endpoint as a person writes it.
func (f ForwardAsk) String() string {
	if f.Socket != "" {
		return f.Socket
	}
	host := f.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, f.Port)
}

// forwardRule is what a role may reach: a host by name, addresses, or a socket.
type forwardRule struct {
	text     string
	host     *command.Pattern // of one word; nil if there are addresses or a socket
	net      netip.Prefix     // addresses
	low, top uint16           // ports
	within   []netip.Prefix   // where a name's address must lie; empty: anywhere
	socket   *command.PathGlob
	via      Via
}

// DecideForward says whether an identity may reach an endpoint, and by whom it is dialled. Where the door dials, it asks twice: with
// the name alone, before anything is resolved, and with each address that it may dial. Addresses of this machine, of the link, of no host or
// of many hosts are never reached so.
func (p *Policy) DecideForward(r Request, f ForwardAsk) Decision {
	return p.answer(r, func(_ *Request, roles []applied) Decision {
		if why := f.malformed(); why != "" {
			return deny(CodeNotAllowed, fmt.Sprintf("%s cannot be reached: %s", quoteCut(f.String()), why))
		}
		via, found := f.via(roles)
		if !found {
			return deny(CodeNotAllowed, fmt.Sprintf("no role lets %s be reached here", quoteCut(f.String())))
		}
		d := Decision{Verdict: Allow, Via: via, Recording: BestEffort}
		for _, role := range roles {
			if role.reachesEndpoint(f, via) {
				d.Rules = append(d.Rules, role.name+"/forward")
				d.Obligations = d.Obligations.tighten(role.limits)
				if !role.lenient {
					d.Recording = Strict
				}
			}
		}
		slices.Sort(d.Rules)
		return d
	})
}

// via is who dials: the door where it may.
func (f ForwardAsk) via(roles []applied) (Via, bool) {
	for _, via := range []Via{ViaDoor, ViaTarget} {
		if slices.ContainsFunc(roles, func(a applied) bool { return a.reachesEndpoint(f, via) }) {
			return via, true
		}
	}
	return "", false
}

func (a applied) reachesEndpoint(f ForwardAsk, via Via) bool {
	return !a.denyOnly && slices.ContainsFunc(a.forwards, func(rule forwardRule) bool { return rule.via == via && rule.reaches(f) })
}

// reaches reports whether the rule is about the endpoint.
func (rule forwardRule) reaches(f ForwardAsk) bool {
	if rule.socket != nil || f.Socket != "" {
		return rule.socket != nil && f.Socket != "" && rule.socket.Matches("", f.Socket)
	}
	if f.Port < rule.low || f.Port > rule.top {
		return false
	}
	literal, err := netip.ParseAddr(f.Host)
	isAddress := err == nil
	if rule.host == nil && (!isAddress || !rule.net.Contains(literal.Unmap())) {
		return false
	}
	if rule.host != nil && !rule.host.Match([]string{"host", strings.ToLower(f.Host)}, command.View{}).Matched {
		return false
	}
	address := f.Address
	if isAddress {
		address = literal
	}
	if rule.via == ViaTarget {
		return !f.Address.IsValid()
	}
	if !address.IsValid() {
		return true
	}
	inside := len(rule.within) == 0 || slices.ContainsFunc(rule.within, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
	return inside && Dialable(address)
}

// malformed says what keeps the endpoint from being judged.
func (f ForwardAsk) malformed() string {
	if f.Socket != "" {
		if f.Host != "" || f.Port != 0 || f.Address.IsValid() || !strings.HasPrefix(f.Socket, "/") || path.Clean(f.Socket) != f.Socket || strings.ContainsRune(f.Socket, 0) {
			return "a socket is an absolute path without . and .."
		}
		return ""
	}
	literal, err := netip.ParseAddr(f.Host)
	switch {
	case f.Port == 0:
		return "there is no port 0"
	case err == nil && literal.Zone() != "":
		return "an address with a zone is of one link only"
	case err == nil && f.Address.IsValid() && f.Address.Unmap() != literal.Unmap():
		return "it was resolved to another address"
	case err != nil && numeric(f.Host):
		return "that is neither a name nor an address in its usual form"
	}
	return ""
}

// numeric reports whether a resolver may read a name as an address: its last label is a number, as in 127.1 or 0x7f000001.
func numeric(host string) bool {
	label := host[strings.LastIndexByte(host, '.')+1:]
	if label == "" {
		return true
	}
	_, err := strconv.ParseUint(label, 0, 64)
	return err == nil || strings.Trim(label, "0123456789") == "" || strings.HasPrefix(strings.ToLower(label), "0x")
}

// The prefixes in which an IPv4 address hides, and where it begins in them.
var wrapped = []struct {
	prefix netip.Prefix
	at     int
}{{netip.MustParsePrefix("64:ff9b::/96"), 12}, {netip.MustParsePrefix("2002::/16"), 2}, {netip.MustParsePrefix("::/96"), 12}}

// metadata are addresses of cloud metadata services that are not of the link.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

// Dialable reports whether the door may dial an address for a client: that of another host, by whichever spelling.
func Dialable(address netip.Addr) bool {
	a := address.Unmap()
	if !a.IsValid() || a.Zone() != "" || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsInterfaceLocalMulticast() ||
		slices.Contains(metadata, a) || a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240) {
		return false
	}
	for _, w := range wrapped {
		if w.prefix.Contains(a) {
			bytes := a.As16()
			return Dialable(netip.AddrFrom4([4]byte(bytes[w.at : w.at+4])))
		}
	}
	return true
}
