package config

import "gatehouse/internal/limits"

// SSHLimits bound what clients can take of the door (package limits).
type SSHLimits = limits.Limits
