package config

import "slices"

// Names are all names by which clients may call targets under ssh -J, aliases included, sorted. Another Gatehouse is not among them: it shows
// its own face.
func (inv Inventory) Names() []string {
	var names []string
	for name, t := range inv.Targets {
		if !t.Gatehouse {
			names = append(append(names, name), t.Aliases...)
		}
	}
	slices.Sort(names)
	return names
}
