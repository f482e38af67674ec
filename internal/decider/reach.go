package decider

import (
	"context"
	"errors"
	"net"

	"gatehouse/internal/decider/lend"
)

// Reach says whether the door may be asked to dial a host. It must not wait; it may be called from many goroutines.
type Reach func(host string, port uint16) bool

// allowReach sets what the door may be asked to dial from now on. Streams that are open stay.
func (d *Decider) allowReach(reach Reach) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reach = reach
}

func (d *Decider) mayReach(host string, port uint16) bool {
	d.mu.RLock()
	reach := d.reach
	d.mu.RUnlock()
	return reach != nil && reach(host, port)
}

func (d *Decider) borrower() *lend.Borrower {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.streams
}

// errNoDoor: alone, the decider has no network.
var errNoDoor = errors.New("there is no door to lend a network stream: this works only while gatehouse serve runs")

// dial borrows a byte stream from the door. Whoever uses it ends TLS inside this process.
func (d *Decider) dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if b := d.borrower(); b != nil {
		return b.DialContext(ctx, host, port)
	}
	return nil, errNoDoor
}
