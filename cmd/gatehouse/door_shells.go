package main

import "gatehouse/bastion/shell/pool"

// countShells adds the processes of governed shells to the numbers, as the supervisor told them last.
func (d *door) countShells() {
	of := func(say func(pool.Numbers) float64) func() float64 {
		return func() float64 { return say(d.shells.Numbers()) }
	}
	d.numbers.gauge("gatehouse_shells_running", "Processes of governed shells that sessions have.", of(func(n pool.Numbers) float64 { return float64(n.Alive - n.Idle) }))
	d.numbers.gauge("gatehouse_shells_idle", "Processes of governed shells that are kept ready.", of(func(n pool.Numbers) float64 { return float64(n.Idle) }))
	d.numbers.counting("gatehouse_shells_refused_total", "Sessions that got no process for a governed shell.", of(func(n pool.Numbers) float64 { return float64(n.Refused) }))
	d.numbers.counting("gatehouse_shells_died_total", "Processes of governed shells that ended by a fault or at a bound.", of(func(n pool.Numbers) float64 { return float64(n.Died) }))
}
