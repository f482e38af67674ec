package process

import (
	"strconv"
	"strings"
	"time"
)

// launched is a shell that a launcher is to start, where it is one that can be done without: timeout with plain options, and nohup where
// nothing is a terminal. limit is how long the shell may run; 0 is for ever.
func (sh *shell) launched(args []string) (rest []string, limit time.Duration, ok bool) {
	switch args[0] {
	case "nohup", "/usr/bin/nohup":
		rest, ok = args[1:], sh.begin.Term == ""
	case "timeout", "/usr/bin/timeout":
		rest = args[1:]
		if len(rest) > 0 && rest[0] == "--" {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return nil, 0, false
		}
		limit, ok = duration(rest[0])
		rest = rest[1:]
	}
	return rest, limit, ok && len(rest) > 0 && isShell(rest[0])
}

// duration is what timeout reads: a number, perhaps with a point, and perhaps a unit.
func duration(text string) (time.Duration, bool) {
	number, unit := text, time.Second
	if text != "" {
		if u, known := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[text[len(text)-1]]; known {
			number, unit = text[:len(text)-1], u
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" || n > 1e6 {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// timeUp ends a shell whose time is over, as SIGTERM does. The text of its EXIT trap, which would run then, does not run here.
func (sh *shell) timeUp() {
	sh.timedOut.Store(true)
	sh.killed(15)
}
