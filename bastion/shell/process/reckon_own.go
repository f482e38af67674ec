package process

import (
	"math/rand/v2"
	"strconv"
	"time"

	"mvdan.cc/sh/v3/expand"
)

// seconds is SECONDS.
func (sh *shell) seconds(env expand.Environ) int64 {
	since, err := strconv.ParseInt(env.Get(sinceVariable).String(), 10, 64)
	if err != nil {
		since = sh.started.Unix()
	}
	return time.Now().Unix() - since
}

// ownNumber is a variable that has a new value each time, or is known to the shell alone.
func (r *reckoner) ownNumber(name string) (string, bool) {
	switch name {
	case "RANDOM":
		return strconv.Itoa(rand.IntN(32768)), true
	case "SRANDOM":
		return strconv.FormatUint(uint64(rand.Uint32()), 10), true
	case "EPOCHSECONDS":
		return strconv.FormatInt(time.Now().Unix(), 10), true
	case "SECONDS":
		return strconv.FormatInt(r.shell.seconds(r.hc.Env), 10), true
	case "PPID":
		return strconv.FormatInt(r.shell.parentID(), 10), true
	}
	return "", false
}
