// Package limits names everything that a client can spend of the SSH door, with its default and what it may be set to: one table
// that the configuration, the door, its numbers and docs/operations.md share.
//
// It is pure and trusts nothing: what is out of bounds is an error, never corrected.
package limits

import (
	"fmt"
	"net/netip"
	"time"
)

// Limits are the door's. A field that is zero takes its default.
type Limits struct {
	// Before a client is known.
	Connections    int           `yaml:"connections"`
	Starting       int           `yaml:"starting"`
	PerSource      int           `yaml:"starting_per_source"`
	Authentication time.Duration `yaml:"authentication"`
	PenaltyScore   int           `yaml:"penalty_score"`
	PenaltyHalf    time.Duration `yaml:"penalty_half_life"`
	PenaltyExempt  []string      `yaml:"penalty_exempt"` // networks; left out: this machine

	// How long a connection may be silent.
	Idle      time.Duration `yaml:"idle"`
	Keepalive time.Duration `yaml:"keepalive"`
	Missed    int           `yaml:"keepalive_missed"`
	Stalled   time.Duration `yaml:"stalled"`
	Unclosed  time.Duration `yaml:"unclosed"`

	// What one connection may ask for.
	Channels   int `yaml:"channels"`
	Refusals   int `yaml:"refusals"`
	PerSecond  int `yaml:"requests_per_second"`
	Burst      int `yaml:"requests_burst"`
	PerChannel int `yaml:"requests_per_channel"`
	Exchanges  int `yaml:"key_exchanges"`
	RekeyBytes int `yaml:"rekey_bytes"`
	Unread     int `yaml:"unread_bytes"`

	// How many commands may wait for people.
	Waiting              int `yaml:"waiting"`
	WaitingPerConnection int `yaml:"waiting_per_connection"`

	// How much one request may hold.
	Command  int `yaml:"command_bytes"`
	EnvCount int `yaml:"env"`
	EnvName  int `yaml:"env_name_bytes"`
	EnvValue int `yaml:"env_value_bytes"`
	EnvBytes int `yaml:"env_bytes"`
}

// Row is one limit: its name in `ssh.limits`, and what it may be. Times are in nanoseconds here.
type Row struct {
	Name              string
	Default, Min, Max int64
	Time              bool
	What              string // what is bounded, and what happens at the bound
	count             func(*Limits) *int
	time              func(*Limits) *time.Duration
}

// Text is a value of the row as gatehouse.yaml has it.
func (r Row) Text(value int64) string {
	if !r.Time {
		return fmt.Sprint(value)
	}
	d := time.Duration(value)
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

func (r Row) get(l *Limits) int64 {
	if r.Time {
		return int64(*r.time(l))
	}
	return int64(*r.count(l))
}

func (r Row) set(l *Limits, value int64) {
	if r.Time {
		*r.time(l) = time.Duration(value)
		return
	}
	*r.count(l) = int(value)
}

// Complete returns the limits with defaults in the place of what is zero.
func (l Limits) Complete() Limits {
	for _, r := range Table {
		if r.get(&l) == 0 {
			r.set(&l, r.Default)
		}
	}
	if l.PenaltyExempt == nil {
		l.PenaltyExempt = []string{"127.0.0.0/8", "::1/128"}
	}
	return l
}

// Check calls bad with the name of every limit that is out of bounds, and why.
func (l Limits) Check(bad func(name, why string)) {
	for _, r := range Table {
		if v := r.get(&l); v != 0 && (v < r.Min || v > r.Max) {
			bad(r.Name, fmt.Sprintf("%s is %s, from %s to %s", r.Name, r.Text(v), r.Text(r.Min), r.Text(r.Max)))
		}
	}
	if full := l.Complete(); full.EnvName+full.EnvValue > full.EnvBytes {
		bad("env_bytes", "env_bytes is less than one variable may have by env_name_bytes and env_value_bytes")
	}
	if len(l.PenaltyExempt) > maxExempt {
		bad("penalty_exempt", fmt.Sprintf("%d networks, at most %d", len(l.PenaltyExempt), maxExempt))
	}
	if _, err := l.Exempt(); err != nil {
		bad("penalty_exempt", err.Error())
	}
}

// maxExempt bounds PenaltyExempt.
const maxExempt = 256

// Exempt are the networks that are never punished.
func (l Limits) Exempt() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range l.PenaltyExempt {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no network, as in 192.0.2.0/24", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
