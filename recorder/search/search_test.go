//go:build sqlite_fts5 || fts5

package search

import "testing"

// What a query finds, and what it does not.
func TestSearch(t *testing.T) {
	s := newShelf(t)
	s.put(meta(1), "$ systemctl restart app-api", "Job for app-api.service failed", "see  systemctl   status for details")
	s.put(meta(2), "$ cat /etc/ssh/sshd_config", "# This is the sshd server system-wide configuration file", "PermitRootLogin no", "$ ls host-07", "HOST-070 host-07")
	other := meta(3)
	other.Identity, other.Owner, other.Target, other.Login, other.Task, other.Verdict = "person:ann", "", "db-1", "root", "deploy 42", "deny"
	s.put(other, "$ rm -rf /var/lib/app", "Größe: 5 MB, 日本語のファイル", "systemctl restarted")
	for _, c := range []struct{ query, want string }{
		{"systemctl", "3: [systemctl] restarted\n1: $ [systemctl] restart app-api | see  [systemctl]   status for details\n"},
		{"SystemCtl restart", "1: $ [systemctl] [restart] app-api\n"},
		{"systemctl restart*", "3: [systemctl] [restart]ed\n1: $ [systemctl] [restart] app-api\n"},
		{`"systemctl status for"`, "1: see  [systemctl   status for] details\n"},
		{`"restart systemctl"`, ""},
		{"systemctl -restart", "3: [systemctl] restarted\n1: see  [systemctl]   status for details\n"},
		{`systemctl -"status for"`, "3: [systemctl] restarted\n1: $ [systemctl] restart app-api\n"},
		{"/etc/ssh/sshd_config", "2: $ cat [/etc/ssh/sshd_config]\n"},
		{"sshd_config", "2: $ cat /etc/ssh/[sshd_config]\n"},
		{"/etc/ssh", "2: $ cat [/etc/ssh]/sshd_config\n"},
		{"etc/sshd_config", ""},
		{"sshd in:output", "2: # This is the [sshd] server system-wide configuration file\n"},
		{"host-07", "2: $ ls [host-07] | HOST-070 [host-07]\n"},
		{"host-07*", "2: $ ls [host-07] | [HOST-07]0 [host-07]\n"},
		{"host_07", ""},
		{`"rm -rf"`, "3: $ [rm -rf] /var/lib/app\n"},
		{`"rm rf"`, ""},
		{"GRÖSSE", ""}, // ß is not SS
		{"größe", "3: [Größe]: 5 MB, 日本語のファイル\n"},
		{"gro\u0308ße", "3: [Größe]: 5 MB, 日本語のファイル\n"},
		{"本語", "3: Größe: 5 MB, 日[本語]のファイル\n"},
		{"systemctl agent:bot in:commands", "1: $ [systemctl] restart app-api\n"},
		{"systemctl person:ann", "3: [systemctl] restarted\n"},
		{"systemctl owner:web verdict:allow", "1: $ [systemctl] restart app-api | see  [systemctl]   status for details\n"},
		{"systemctl owner:group:web target:web-2", ""},
		{`systemctl task:"deploy 42" login:root target:db-1 verdict:deny`, "3: [systemctl] restarted\n"},
		{"systemctl since:2026-11-20T12:03:00Z", "3: [systemctl] restarted\n"},
		{"systemctl since:2026-11-20T12:03:03Z", ""},
		{"systemctl until:2026-11-20T12:01:02Z", "1: $ [systemctl] restart app-api\n"},
		{"systemctl since:1d until:2026-11-20 -restarted", "1: $ [systemctl] restart app-api | see  [systemctl]   status for details\n"},
		{"systemctl since:23h", ""},
		{"systemctl session:" + session(3), "3: [systemctl] restarted\n"},
		{"systemctl session:" + session(9), ""},
	} {
		if got := told(s.find(c.query)); got != c.want {
			t.Errorf("%s\nfound %swant  %s", c.query, got, c.want)
		}
	}
}
