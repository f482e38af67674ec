package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// manager is the service manager's end, as sd_notify(3) has it. Where NOTIFY_SOCKET is not set nothing is said.
type manager struct{ log hclog.Logger }

func (m manager) say(states ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(states, "\n")); err != nil {
		m.log.Warn("tell the service manager", "error", err)
	}
}

func (m manager) ready() { m.say(daemon.SdNotifyReady, "STATUS=serving") }

// reloading begins what ready ends.
func (m manager) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		m.log.Warn("tell the service manager", "error", err)
		return
	}
	m.say(daemon.SdNotifyReloading, fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// stopping asks for the time that the end may take, whatever TimeoutStopSec is.
func (m manager) stopping(within time.Duration) {
	m.say(daemon.SdNotifyStopping, "STATUS=live sessions get their time", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", within.Microseconds()))
}

func (m manager) alive() { m.say(daemon.SdNotifyWatchdog) }

// watchdog is how often the manager is to hear that all is well; 0: it does not ask.
func (m manager) watchdog() time.Duration {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the service manager's watchdog", "error", err)
	}
	return every / 3
}
