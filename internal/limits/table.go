package limits

import "time"

// Table has every limit but penalty_exempt, in the order of docs/operations.md.
var Table = []Row{
	count("connections", 10_000, 1, 1_000_000, "connections in all; more are closed unread", func(l *Limits) *int { return &l.Connections }),
	count("starting", 200, 1, 100_000, "connections that have not authenticated, in all; more are closed unread", func(l *Limits) *int { return &l.Starting }),
	count("starting_per_source", 50, 1, 100_000, "the same from one source (an IPv4 address, an IPv6 /64)", func(l *Limits) *int { return &l.PerSource }),
	span("authentication", 20*time.Second, time.Second, 10*time.Minute, "from the first byte to a proven key; then the connection is closed", func(l *Limits) *time.Duration { return &l.Authentication }),
	count("penalty_score", 100, 10, 1_000_000, "points at which a source is refused unread, until they have decayed below", func(l *Limits) *int { return &l.PenaltyScore }),
	span("penalty_half_life", time.Minute, time.Second, 24*time.Hour, "in which half of a source's points decay", func(l *Limits) *time.Duration { return &l.PenaltyHalf }),
	span("idle", 15*time.Minute, time.Second, 30*24*time.Hour, "a connection without a channel; then it is closed", func(l *Limits) *time.Duration { return &l.Idle }),
	span("keepalive", time.Minute, time.Second, time.Hour, "without a byte from the client, after which it is asked whether it is there", func(l *Limits) *time.Duration { return &l.Keepalive }),
	count("keepalive_missed", 5, 1, 100, "times that long without a byte; then the connection is closed", func(l *Limits) *int { return &l.Missed }),
	span("stalled", 5*time.Minute, time.Second, 24*time.Hour, "a client that takes nothing from its socket while something waits for it; then the connection is closed", func(l *Limits) *time.Duration { return &l.Stalled }),
	span("unclosed", 10*time.Second, time.Second, 10*time.Minute, "a client that does not take the end of a session (its window is shut); then the connection is closed", func(l *Limits) *time.Duration { return &l.Unclosed }),
	count("channels", 256, 1, 10_000, "channels open on a connection; more are refused", func(l *Limits) *int { return &l.Channels }),
	count("refusals", 200, 1, 100_000, "refused channels and requests of a connection; then it is closed", func(l *Limits) *int { return &l.Refusals }),
	count("requests_per_second", 500, 1, 100_000, "channels and requests (window-change, signal, env, keepalive, global, …) of a connection; beyond the burst it is closed", func(l *Limits) *int { return &l.PerSecond }),
	count("requests_burst", 2000, 10, 1_000_000, "how many may come at once", func(l *Limits) *int { return &l.Burst }),
	count("requests_per_channel", 100_000, 10, 100_000_000, "requests of one channel; then the connection is closed", func(l *Limits) *int { return &l.PerChannel }),
	count("key_exchanges", 30, 2, 10_000, "at once, and one a second more, besides one for each 64 KiB sent or received; then the connection is closed", func(l *Limits) *int { return &l.Exchanges }),
	count("rekey_bytes", 1<<30, 256, 1<<36, "sent or received under one key; then the door asks for new keys", func(l *Limits) *int { return &l.RekeyBytes }),
	count("unread_bytes", 64<<20, 4<<20, 1<<34, "sent by a client and read by nobody (what a command does not take), about; then the connection is closed", func(l *Limits) *int { return &l.Unread }),
	count("waiting", 1000, 1, 100_000, "commands that wait for people's approval, in all; more are answered with `approval_pending` at once", func(l *Limits) *int { return &l.Waiting }),
	count("waiting_per_connection", 16, 1, 10_000, "the same on one connection", func(l *Limits) *int { return &l.WaitingPerConnection }),
	count("command_bytes", 128<<10, 256, 256<<10, "a command line or a subsystem's name; longer ones are denied", func(l *Limits) *int { return &l.Command }),
	count("env", 64, 1, 10_000, "variables of a session; more are refused", func(l *Limits) *int { return &l.EnvCount }),
	count("env_name_bytes", 128, 1, 4096, "a variable's name; longer ones are refused", func(l *Limits) *int { return &l.EnvName }),
	count("env_value_bytes", 4096, 1, 128<<10, "a variable's value; longer ones are refused", func(l *Limits) *int { return &l.EnvValue }),
	count("env_bytes", 16<<10, 64, 1<<20, "all variables of a session; more are refused", func(l *Limits) *int { return &l.EnvBytes }),
}

func count(name string, def, low, high int64, what string, at func(*Limits) *int) Row {
	return Row{Name: name, Default: def, Min: low, Max: high, What: what, count: at}
}

func span(name string, def, low, high time.Duration, what string, at func(*Limits) *time.Duration) Row {
	return Row{Name: name, Default: int64(def), Min: int64(low), Max: int64(high), Time: true, What: what, time: at}
}
