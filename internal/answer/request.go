package answer

import "slices"

// offer fills in how to ask for what was denied, where people can be asked at all: the command is right and waits for them, or a
// role that may be asked for would allow it.
func (d *Denial) offer() {
	if d.Request == nil && d.Code == "needs_approval" {
		d.Request = &Request{}
	}
	if d.Request == nil {
		return
	}
	r := *d.Request // the caller's stays as it is
	if r.ID == "" && r.CLI == "" && d.DenialID != "" {
		r.CLI = "ssh bastion request --from " + d.DenialID + " --reason TEXT"
	}
	for _, a := range d.Approvals {
		for _, group := range a.From {
			if !slices.Contains(r.Approvers, group) {
				r.Approvers = append(slices.Clip(r.Approvers), group)
			}
		}
		if r.TTL == 0 || (a.WithinSeconds > 0 && a.WithinSeconds < r.TTL) {
			r.TTL = a.WithinSeconds
		}
	}
	d.Request = &r
}

// ask says how to ask people, or otherwise.
func ask(d Denial, otherwise string) string {
	if d.Request == nil || d.Request.CLI == "" {
		return otherwise
	}
	return "if it is needed, ask people for it: " + d.Request.CLI
}

// look says where to see how a request stands.
func look(d Denial) string {
	if d.Request == nil || d.Request.ID == "" {
		return ""
	}
	return "; how it stands: ssh bastion requests show " + d.Request.ID
}
