package local

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// login is a user of this machine as a command gets it: the user's own ids, and the groups that the group database gives
// that user, as initgroups(3) has them. Nothing of the supervisor's is among them.
type login struct {
	name        string
	uid, gid    uint32
	groups      []uint32 // without group 0
	home, shell string
}

// loginOf looks a user up. Root is refused whatever the inventory says, and so are the reserved users and their groups: the
// processes' own. Whoever is root here reads every key and rewrites every log that Gatehouse has.
func loginOf(name, loginName string, reserved []uint32) (login, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return login{}, fmt.Errorf("login %q runs as %q, which is no user of this machine; make it, or name another in run_as", loginName, name)
	}
	return take(u, reserved)
}

func take(u *user.User, reserved []uint32) (l login, err error) {
	l = login{name: u.Username, home: u.HomeDir, shell: shellOf(u.Username)}
	if l.uid, l.gid, err = ids(u); err != nil {
		return login{}, err
	}
	if !strings.HasPrefix(l.home, "/") {
		return login{}, fmt.Errorf("user %s has no home; give it one (usermod --home)", u.Username)
	}
	return l, l.join(u, reserved)
}

func ids(u *user.User) (uid, gid uint32, err error) {
	user, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("uid of %s: %w", u.Username, err)
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("gid of %s: %w", u.Username, err)
	}
	if user == 0 || group == 0 {
		return 0, 0, fmt.Errorf("local commands never run as root (user %s, uid %d, gid %d)", u.Username, user, group)
	}
	return uint32(user), uint32(group), nil
}

// join fills in the groups, and refuses what is Gatehouse's own. Membership in group 0 is left out.
func (l *login) join(u *user.User, reserved []uint32) error {
	all, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	for _, text := range all {
		g, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fmt.Errorf("groups of %s: %w", u.Username, err)
		}
		if g != 0 {
			l.groups = append(l.groups, uint32(g))
		}
	}
	for _, r := range reserved {
		if l.uid == r || l.gid == r || slices.Contains(l.groups, r) {
			return fmt.Errorf("local commands never run as Gatehouse's own users or in their groups (user %s, id %d)", u.Username, r)
		}
	}
	return nil
}

// usualShell is SHELL for a user whose own is unknown, or none that /etc/shells lists: that of a user who is not to log in.
const usualShell = "/bin/sh"

// shellOf is the user's login shell, as far as /etc/passwd has it and /etc/shells lists it.
func shellOf(name string) string {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return usualShell
	}
	for line := range bytes.Lines(passwd) {
		fields := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(fields) == 7 && fields[0] == name && listed(fields[6]) {
			return fields[6]
		}
	}
	return usualShell
}

// listed reports whether /etc/shells has a shell.
func listed(shell string) bool {
	f, err := os.Open("/etc/shells")
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if lines.Text() == shell && strings.HasPrefix(shell, "/") {
			return true
		}
	}
	return false
}
