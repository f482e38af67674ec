package config

import (
	"strings"
	"testing"
	"time"
)

// Limits of the door are read, and what cannot be meant is told with its place.
func TestSSHLimits(t *testing.T) {
	at := func(limits string) string {
		return strings.Replace(good, "names: [gatehouse]", "names: [gatehouse], limits: {"+limits+"}", 1)
	}
	c, err := load(t, at("starting: 7, idle: 2m, penalty_exempt: [192.0.2.0/24]"))
	if err != nil {
		t.Fatal(err)
	}
	if l := c.SSH.Limits; l.Starting != 7 || l.Idle != 2*time.Minute || len(l.PenaltyExempt) != 1 {
		t.Errorf("%+v", l)
	}
	for limits, want := range map[string]string{
		"starting: -1":              "starting is -1, from 1 to",
		"idle: 1ms":                 "idle is 1ms, from 1s",
		"penalty_exempt: [x]":       `"x" is no network`,
		"command_bytes: 9999999999": "command_bytes is",
		"unknown: 1":                "unknown",
	} {
		if _, err := load(t, at(limits)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", limits, err, want)
		}
	}
}
