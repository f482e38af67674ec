package decider

import (
	"context"
	"maps"
	"slices"

	"gatehouse/internal/config"
	"gatehouse/policy/access"
)

// movedTargets are the targets whose name meant another machine before, or means none any more: people approved something for that machine.
func movedTargets(before, now config.Inventory) (moved []string) {
	for _, name := range slices.Sorted(maps.Keys(before.Targets)) {
		if was, is := before.Targets[name], now.Targets[name]; !sameMachine(was, is) {
			moved = append(moved, name)
		}
	}
	return moved
}

// sameMachine reports whether two targets are reached and recognised in the same way, and have the same accounts behind their logins.
func sameMachine(a, b config.Target) bool {
	return a.Address == b.Address && a.HostKey == b.HostKey && a.HostCA == b.HostCA && a.Local == b.Local && a.Gatehouse == b.Gatehouse && maps.Equal(a.RunAs, b.RunAs)
}

// inventoryBefore is the inventory that another one takes the place of: at a start the stored one, as requests and grants are stored too.
func (d *Decider) inventoryBefore() config.Inventory {
	d.mu.RLock()
	inv, started := d.inventory, d.policy != nil
	d.mu.RUnlock()
	if started {
		return inv
	}
	stored, err := d.readLastGood()
	if err != nil {
		return config.Inventory{} // the first start, or a file that loadFirst says more about
	}
	_, inv, err = parse(stored)
	if err != nil {
		return config.Inventory{}
	}
	return inv
}

// endMoved ends what was asked for and given on targets that are others now, with what runs by it.
func (d *Decider) endMoved(ctx context.Context, moved []string) {
	on := func(_ access.Requester, s access.Scope) bool {
		return slices.ContainsFunc(s.Targets, func(name string) bool { return slices.Contains(moved, name) })
	}
	asked := d.access.PendingRequests(func(r access.Request) bool { return on(r.By, r.Scope) })
	if len(asked) > 0 || slices.ContainsFunc(d.grantsInUse(), func(g access.Grant) bool { return on(g.By, g.Scope) }) {
		d.endAccess(ctx, on, access.CausePolicy, "a change of the inventory: a target has the name that is another machine, or is gone")
	}
}
