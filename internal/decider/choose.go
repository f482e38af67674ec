package decider

import (
	"errors"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// choose finds the one target that labels mean, among those that the identity's roles reach as that login: others are neither counted nor
// named.
func (d *Decider) choose(who policy.Identity, selector, login string) (string, error) {
	pol := d.currentPolicy()
	var reached []protocol.Target
	d.mu.RLock()
	for name, t := range d.inventory.Targets {
		if d.reaches(pol, who, name, t.Labels, login) {
			reached = append(reached, protocol.Target{Name: name, Labels: t.Labels})
		}
	}
	d.mu.RUnlock()
	t, err := protocol.ChooseTarget(reached, selector)
	if errors.Is(err, protocol.ErrNoTarget) {
		return "", refuse("no target that you reach as %s has the labels %s; where you may work: ssh bastion help", login, cut(selector, maxID))
	}
	if err != nil {
		return "", refuse("%v", err)
	}
	return t.Name, nil
}
