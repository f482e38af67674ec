package look

import (
	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// path says where a path leads and what is there.
func (v *visit) path(name string) (policy.PathFact, error) {
	at, err := v.walk(name, func(string, sftp.Attrs) {})
	if err != nil {
		return policy.PathFact{}, err
	}
	if at.why != "" {
		return policy.PathFact{Real: at.real, Kind: policy.PathNone}, nil
	}
	return policy.PathFact{Real: at.real, Kind: kindOf(at)}, nil
}
