package decider

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// enrolDevice gives a person's program its certificate.
func (d *Decider) enrolDevice(context.Context, protocol.Enrol, policy.CertificateRequest) (protocol.Enrolled, error) {
	return protocol.Enrolled{}, refuseFor(reasonUnavailable, "logging people in is not available")
}
