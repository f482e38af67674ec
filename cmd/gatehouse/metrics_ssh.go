package main

import (
	"bytes"

	"github.com/prometheus/common/expfmt"
)

// sshText is the SSH door's own numbers in Prometheus' text format.
func (d *door) sshText() string {
	families, err := d.server.Numbers().Gather()
	if err != nil {
		d.log.Error("gather the door's numbers", "error", err)
		return ""
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			d.log.Error("write the door's numbers", "error", err)
			return ""
		}
	}
	return text.String()
}
