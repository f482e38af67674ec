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
	fact := policy.PathFact{Real: at.real, Kind: policy.PathNone}
	switch {
	case !at.exists:
	case at.attrs.IsFile():
		fact.Kind = policy.PathFile
	case at.attrs.IsDir():
		fact.Kind = policy.PathDir
	default:
		fact.Kind = policy.PathOther
	}
	return fact, nil
}
