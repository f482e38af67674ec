package bastion

import (
	"testing"
	"time"

	"gatehouse/bastion/target/look"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// TestAnotherMachineIsLookedAtAnew: what was found on a target is forgotten when its name means another machine.
func TestAnotherMachineIsLookedAtAnew(t *testing.T) {
	was := protocol.Target{Name: "web-1", Address: "192.0.2.1:22", HostKey: []byte("one"), Path: []string{"/usr/bin"}}
	for about, c := range map[string]struct {
		change func(*protocol.Target)
		known  bool
	}{
		"nothing":  {func(*protocol.Target) {}, true},
		"address":  {func(n *protocol.Target) { n.Address = "192.0.2.2:22" }, false},
		"host key": {func(n *protocol.Target) { n.HostKey = []byte("two") }, false},
		"path":     {func(n *protocol.Target) { n.Path = []string{"/bin"} }, false},
	} {
		s := &Server{looks: look.NewCache(time.Now)}
		s.SetTargets([]protocol.Target{was})
		s.looks.Keep("web-1", "deploy", []policy.Probe{{Kind: policy.ProbeHome}}, policy.Facts{Home: "/home/deploy"})
		now := was
		c.change(&now)
		s.SetTargets([]protocol.Target{now})
		if home := s.looks.Known("web-1", "deploy", nil).Home; (home != "") != c.known {
			t.Errorf("%s changed: home %q, known is to be %t", about, home, c.known)
		}
	}
}
