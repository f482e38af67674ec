package lab

import (
	"fmt"

	"gatehouse/policy"
)

// startingPlaces are files that the system, a shell or sshd runs or obeys, in a login's home or not.
var startingPlaces = []struct{ path, what string }{
	{"%s/.ssh/authorized_keys", "keys that may log in"}, {"%s/.bashrc", "what shells run"}, {"%s/.profile", "what shells run"}, {"%s/.config/systemd/user/x.service", "units of the login"},
	{"/var/spool/cron/crontabs/%s", "what cron runs"}, {"/etc/cron.d/x", "what cron runs"}, {"/etc/systemd/system/x.service", "units"}, {"/etc/ld.so.preload", "what every program loads"},
	{"/etc/sudoers.d/x", "who may be root"}, {"/etc/ssh/sshd_config", "sshd's configuration"}, {"/usr/local/bin/x", "programs of PATH"}, {"/usr/bin/x", "programs of PATH"}, {"/usr/local/sbin/x", "programs of PATH"},
}

// writes finds roles whose files let a place be written from which programs start: whoever writes there runs what they like, whatever the rules say.
func (l *linter) writes(role policy.RoleInfo) {
	for _, login := range role.Logins {
		home := "/home/" + string(login)
		if login == "root" {
			home = "/root"
		}
		for _, place := range startingPlaces {
			path := place.path
			switch {
			case path[0] == '%':
				path = fmt.Sprintf(path, home)
			case path == "/var/spool/cron/crontabs/%s":
				path = fmt.Sprintf(path, login)
			}
			if l.p.WritesTo(role.Name, home, path) {
				l.add("writes-programs", Error, role.File, role.Line, "Name folders that hold none, or add the path to files.deny.", "the files of the role %s let %s be written: %s", role.Name, path, place.what)
				return
			}
		}
	}
}
