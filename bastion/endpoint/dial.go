package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// How long a name and a connection may take.
const (
	resolveTime = 5 * time.Second
	dialTime    = 10 * time.Second
)

// ErrUnresolved says that a host's name has no address.
var ErrUnresolved = errors.New("the name has no address")

// Dialer turns hosts into addresses that may be dialled, and dials those and no others. Its zero value is ready.
type Dialer struct {
	Guard Guard
	// Lookup resolves a name; nil is Go's own resolver, which needs /etc/resolv.conf and /etc/hosts and no library of the system's.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Connect connects to an address; nil is TCP with keepalives.
	Connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// Resolve returns what a host stands for, at most most addresses: ErrUnresolved, or ErrAddress if any of them may not be dialled. One
// bad address spoils the others: a name that has it among good ones is what rebinding looks like.
func (d Dialer) Resolve(ctx context.Context, host Host, most int) ([]netip.Addr, error) {
	found := []netip.Addr{host.Address}
	if !host.Address.IsValid() {
		var err error
		if found, err = d.lookup(ctx, host.Name); err != nil {
			return nil, err
		}
	}
	var out []netip.Addr
	for _, a := range found {
		a = a.Unmap()
		if err := d.Guard.Check(a); err != nil {
			return nil, fmt.Errorf("%s: %w", host.Name, err)
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out[:min(len(out), most)], nil
}

func (d Dialer) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	lookup := d.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip", name)
		}
	}
	found, err := lookup(ctx, name)
	if err == nil && len(found) == 0 {
		err = errors.New("no answer")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnresolved, name, err)
	}
	return found, nil
}

// Dial connects to the first address that answers. The addresses are those that were decided: nothing is resolved here.
func (d Dialer) Dial(ctx context.Context, addresses []netip.Addr, port uint16) (net.Conn, netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	connect := d.Connect
	if connect == nil {
		connect = connectTCP
	}
	errs := []error{errors.New("nothing to dial")}
	for i, a := range addresses {
		to := netip.AddrPortFrom(a, port)
		each, done := context.WithTimeout(ctx, share(ctx, len(addresses)-i))
		c, err := connect(each, to)
		done()
		if err == nil {
			return c, to, nil
		}
		errs = append(errs[:min(len(errs), i)], err)
	}
	return nil, netip.AddrPort{}, errors.Join(errs...)
}

// share is what one of so many tries may take of the time that is left.
func share(ctx context.Context, tries int) time.Duration {
	end, _ := ctx.Deadline()
	return time.Until(end) / time.Duration(tries)
}

// connectTCP connects. A connection whose two ends have one address is to this machine, whatever it was before.
func connectTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: 30 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	local, _ := c.LocalAddr().(*net.TCPAddr)
	if local != nil && local.AddrPort().Addr().Unmap() == to.Addr() {
		_ = c.Close()
		return nil, &addressError{to.Addr(), "this machine's own"}
	}
	return c, nil
}
