package config

import "gatehouse/internal/limits"

// SSHLimits bound what clients can take of the door (package limits).
type SSHLimits = limits.Limits

func (s SSH) validate(bad func(at, format string, args ...any)) {
	s.Limits.Check(func(name, why string) { bad("$.ssh.limits."+name, "%s", why) })
}
