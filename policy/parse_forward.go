package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/policy/command"
)

// readForwards reads endpoints: "db-1:5432", {to: "127.0.0.1:5432", via: target}, {socket: /run/app.sock}.
func readForwards(v value) []forwardRule {
	var list []forwardRule
	for _, item := range v.list() {
		f, ok := readForward(item)
		if ok {
			list = append(list, f)
		}
	}
	return list
}

func readForward(v value) (f forwardRule, ok bool) {
	before := len(v.reader.found.list)
	if !v.isMapping() {
		f = readEndpoint(v)
	} else {
		f = readForwardFields(v)
	}
	if len(v.reader.found.list) > before {
		return f, false
	}
	if f.via == "" {
		f.via = ViaDoor
	}
	if f.socket == nil && f.via == ViaDoor && f.net.IsValid() && f.net.IsSingleIP() && !Dialable(f.net.Addr()) {
		v.problem("%q is an address that the door never dials: an endpoint on the target itself needs via: target", f.text)
		return f, false
	}
	return f, true
}

func readForwardFields(v value) forwardRule {
	var f forwardRule
	var via Via
	var within []netip.Prefix
	v.fields(map[string]func(value){
		"to":     func(v value) { socket := f.socket; f = readEndpoint(v); f.socket = socket },
		"socket": func(v value) { readSocket(v, &f) },
		"via":    func(v value) { text, _ := v.word(string(ViaDoor), string(ViaTarget)); via = Via(text) },
		"within": func(v value) { within = readPrefixes(v) },
	})
	f.via, f.within = via, within
	switch {
	case f.text == "":
		v.problem("%s needs an endpoint, as in {to: \"127.0.0.1:5432\", via: target} or {socket: /run/app.sock}", v.what)
	case f.socket != nil && (f.low != 0 || len(within) > 0 || via == ViaDoor):
		v.problem("%s is a socket, which is on the target: it has no to, within or via: door", v.what)
	case len(within) > 0 && (via == ViaTarget || f.host == nil):
		v.problem("%s cannot have within: that is about the addresses of a name that the door resolves", v.what)
	}
	if f.socket != nil {
		f.via = ViaTarget
	}
	return f
}

// readEndpoint reads "HOST:PORT", "10.0.0.0/8:5432" or "db-1:5432-5440".
func readEndpoint(v value) forwardRule {
	text, ok := v.text()
	if !ok {
		return forwardRule{}
	}
	f, err := parseForward(text)
	if err != nil {
		v.problem("%q cannot be %s: %v", text, v.what, err)
	}
	return f
}

func readSocket(v value, f *forwardRule) {
	text, ok := v.text()
	if !ok {
		return
	}
	glob, err := command.ParsePathGlob(text)
	if err != nil || text[0] != '/' || text == "/" {
		v.problem("%q cannot be %s: write an absolute path, in which * and ? stay between slashes", text, v.what)
		return
	}
	f.text, f.socket = text, &glob
}

func readPrefixes(v value) []netip.Prefix {
	var list []netip.Prefix
	for _, item := range v.list() {
		text, ok := item.text()
		if !ok {
			continue
		}
		prefix, err := parsePrefix(text)
		if err != nil {
			item.problem("%q cannot be %s: %v", text, item.what, err)
			continue
		}
		list = append(list, prefix)
	}
	return list
}

// parsePrefix reads "10.0.0.0/8", or one address.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return prefix, errors.New("write addresses such as 10.0.0.0/8 or 10.1.2.3")
		}
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	if prefix.Addr().Is4In6() {
		return prefix, errors.New("write an IPv4 network as such")
	}
	if prefix != prefix.Masked() {
		return prefix, fmt.Errorf("the network is %s", prefix.Masked())
	}
	return prefix, nil
}

func parseForward(text string) (forwardRule, error) {
	f := forwardRule{text: text}
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return f, errors.New("write HOST:PORT, as in db-1:5432")
	}
	var err error
	if f.low, f.top, err = parsePorts(text[colon+1:]); err != nil {
		return f, err
	}
	host := text[:colon]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		if !closed {
			return f, errors.New("the bracket of the address is not closed")
		}
		f.net, err = parsePrefix(inner)
		return f, err
	}
	if prefix, err := parsePrefix(host); err == nil || strings.Contains(host, "/") {
		f.net = prefix
		return f, err
	}
	f.host, err = command.Parse("host <host:"+strings.ToLower(host)+">", nil)
	if err != nil || strings.ContainsAny(host, "<>,:") {
		return f, fmt.Errorf("%q is not the name or address of a host, in which * and ? may stand for other characters", host)
	}
	return f, nil
}

// parsePorts reads "5432" or "5432-5440".
func parsePorts(text string) (low, top uint16, err error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	low, top = parsePort(first), parsePort(last)
	if low == 0 || top < low {
		return 0, 0, fmt.Errorf("%q is not a port from 1 to 65535, or two with - between them", text)
	}
	return low, top, nil
}

// parsePort is 0 for what is none.
func parsePort(text string) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0
	}
	return uint16(n)
}
