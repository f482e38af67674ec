package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/supervisor"
)

// clockSlack is how far the newest entry of the log may be ahead of the clock before that is worth a word.
const clockSlack = 5 * time.Second

func machineChecks() []Check {
	return []Check{
		{"config.invalid", "gatehouse.yaml can be read and is valid", configInvalid},
		{"config.writable", "gatehouse.yaml is root's alone to change", configWritable},
		{"data.owner", "each data folder is its own user's and closed to others", dataOwner},
		{"users.account", "the processes' users are nobody else's", usersAccount},
		{"users.missing", "the users of local targets exist", usersMissing},
		{"listen.taken", "the addresses to listen on are free, where no service runs", listenTaken},
		{"service.down", "the service runs", serviceDown},
		{"service.confined", "both processes are confined, each as its own user", serviceConfined},
		{"limits.nofile", "the door may have enough files open", limitsNofile},
		{"names.unresolved", "the names under which clients reach the door resolve", namesUnresolved},
		{"names.face", "the door's certificate has all of its names", namesFace},
		{"clock.unsynced", "something keeps the clock right", clockUnsynced},
		{"clock.behind", "the clock is not behind the audit log", clockBehind},
		{"kernel.landlock", "the kernel can confine processes", kernelLandlock},
		{"shells.confined", "a process of a governed shell can be started here, confined", shellsConfined},
		{"disk.low", "there is space for recordings", diskLow},
	}
}

func configInvalid(_ context.Context, p *Patient) []Finding {
	if p.ConfigErr == nil {
		return nil
	}
	return one(Fail, "correct the place that the message names; gatehouse init writes a commented one to compare with", "%v", p.ConfigErr)
}

func configWritable(_ context.Context, p *Patient) []Finding {
	var out []Finding
	for _, path := range []string{p.ConfigPath, p.Settings.Policy, p.Settings.Targets} {
		info, err := os.Stat(path)
		if err != nil {
			continue // who needs the file says that it is not there
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; info.Mode().Perm()&0o022 != 0 || uid != 0 && int(uid) != os.Geteuid() {
			out = append(out, finding(Fail, "chown root and chmod go-w it: who may change it decides who may do what", "%s is %s of user %d", path, info.Mode().Perm(), uid))
		}
	}
	return out
}

func dataOwner(_ context.Context, p *Patient) []Finding {
	if os.Geteuid() != 0 {
		return one(Unknown, "run this as root", "only root can look into the data folder")
	}
	var out []Finding
	for _, f := range []struct {
		path string
		uid  uint32
	}{{supervisor.DeciderDir(p.Settings.Data), p.Settings.Users.Decider}, {supervisor.DoorDir(p.Settings.Data), p.Settings.Users.Door}} {
		info, err := os.Stat(f.path)
		if os.IsNotExist(err) {
			continue // made by the first start
		}
		if err != nil {
			out = append(out, finding(Fail, "", "%v", err))
			continue
		}
		uid := info.Sys().(*syscall.Stat_t).Uid
		if info.Mode().Perm() != 0o700 || uid != f.uid {
			out = append(out, finding(Fail, fmt.Sprintf("chown %d:%d and chmod 700 it, or start the service, which does both", f.uid, f.uid),
				"%s is %s of user %d, and must be 0700 of user %d", f.path, info.Mode().Perm(), uid, f.uid))
		}
	}
	return out
}

func usersAccount(_ context.Context, p *Patient) []Finding {
	var out []Finding
	for _, u := range []struct {
		place       string
		first, many uint32
	}{{"users.decider", p.Settings.Users.Decider, 1}, {"users.door", p.Settings.Users.Door, 1}, {"one of users.shells", p.Settings.Users.Shells, config.ShellUsers}} {
		for uid := u.first; uid < u.first+u.many; uid++ {
			name, home, ok := p.Kernel.Account(uid)
			if ok && !strings.HasPrefix(name, "gatehouse") {
				out = append(out, finding(Warn, "give it a number that no account has; 60706 to 61183 are assigned by neither Debian nor systemd",
					"%s is %d, which is the account %s (%s): what runs as that can reach into the process", u.place, uid, name, home))
				break
			}
		}
	}
	return out
}

func usersMissing(_ context.Context, p *Patient) []Finding {
	var out []Finding
	for name, t := range p.Inventory.Targets {
		for login, user := range t.RunAs {
			if !p.Kernel.User(user) {
				out = append(out, finding(Fail, "useradd --system "+user+", or name another user in targets.yaml", "target %s: login %s runs as %s, and this machine has no such user", name, login, user))
			}
		}
	}
	slices.SortFunc(out, func(a, b Finding) int { return strings.Compare(a.Says, b.Says) })
	return out
}

func listenTaken(_ context.Context, p *Patient) []Finding {
	if p.Status != nil {
		return nil // it listens itself
	}
	var out []Finding
	for _, l := range []struct{ place, address string }{{"ssh.listen", p.Settings.SSH.Listen}, {"web.listen", p.Settings.Web.Listen}, {"metrics.listen", p.Settings.Metrics.Listen}} {
		if l.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", l.address)
		if err != nil {
			out = append(out, finding(Fail, "end what listens there (ss -ltnp), or change "+l.place, "%s: %v", l.place, err))
			continue
		}
		_ = listener.Close()
	}
	return out
}

func serviceDown(_ context.Context, p *Patient) []Finding {
	if p.Status != nil {
		return nil
	}
	return one(Fail, "systemctl start gatehouse, or gatehouse serve; its log says why it ended", "no service answers below %s", p.Settings.Data)
}

// serviceConfined looks at what the kernel says of the processes, not at what they say of themselves.
func serviceConfined(_ context.Context, p *Patient) []Finding {
	var out []Finding
	for name, uid := range map[string]uint32{"decider": p.Settings.Users.Decider, "door": p.Settings.Users.Door} {
		pid, ok := p.Processes[name]
		if !ok {
			continue
		}
		state, err := LookAt(pid)
		if err != nil {
			out = append(out, finding(Unknown, "run this as root", "%s: %v", name, err))
			continue
		}
		if bad := state.Loose(uid); bad != "" {
			out = append(out, finding(Fail, "start the service as root, on a kernel with seccomp, with no wrapper around it", "the %s %s", name, bad))
		}
	}
	return out
}

// enoughFiles is what the door needs for its connections, and those to targets.
const enoughFiles = 8192

func limitsNofile(_ context.Context, p *Patient) []Finding {
	pid, ok := p.Processes["door"]
	if !ok {
		return nil
	}
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "limits"))
	if err != nil {
		return one(Unknown, "run this as root", "%v", err)
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "Max open files")
		var soft uint64
		if _, err := fmt.Sscan(rest, &soft); ok && err == nil && soft < enoughFiles {
			return one(Fail, "LimitNOFILE=65536 in the unit, or ulimit -n before serve", "the door may have %d files open, fewer than the %d that ten thousand connections can need", soft, enoughFiles)
		}
	}
	return nil
}

func namesUnresolved(ctx context.Context, p *Patient) []Finding {
	var out []Finding
	for _, name := range p.Settings.SSH.Names {
		if err := p.Kernel.Lookup(ctx, name); err != nil {
			out = append(out, finding(Warn, "enter it in the DNS or /etc/hosts of the clients; a HostName in their ssh_config does as well", "ssh.names: %v", err))
		}
	}
	return out
}

func namesFace(_ context.Context, p *Patient) []Finding {
	if p.Status == nil || p.Faces == nil {
		return nil
	}
	names, err := p.Faces()
	if err != nil {
		return one(Fail, "look into the service's log: the face CA's key may be away", "the door shows no certificate: %v", err)
	}
	var out []Finding
	for _, name := range p.Settings.SSH.Names {
		if !slices.Contains(names, name) {
			out = append(out, finding(Fail, "restart the service after a change of ssh.names", "the door's certificate is for %s, and not for %s: clients who use that name are told that the host is not known", strings.Join(names, ", "), name))
		}
	}
	return out
}

func clockUnsynced(_ context.Context, p *Patient) []Finding {
	ok, err := p.Kernel.Synced()
	switch {
	case err != nil:
		return one(Unknown, "", "%v", err)
	case !ok:
		return one(Warn, "run systemd-timesyncd or chrony: certificates live for seconds, and a target's clock that is another makes them useless", "the kernel says that nothing keeps this machine's clock right")
	}
	return nil
}

func clockBehind(_ context.Context, p *Patient) []Finding {
	if behind := p.LastEntry.Sub(p.Now()); behind > clockSlack {
		return one(Fail, "set the clock right before anything else: what is written now has times that have been already", "the clock is %s behind the newest entry of the audit log: it was set back", behind.Round(time.Second))
	}
	return nil
}

func kernelLandlock(_ context.Context, p *Patient) []Finding {
	version, err := p.Kernel.Landlock()
	if err != nil {
		return one(Fail, "use a kernel of 5.13 or later, with landlock in lsm=", "the kernel has no Landlock (%v): the processes can read every file that their users can", err)
	}
	if version < 2 {
		return one(Warn, "use a kernel of 5.19 or later", "the kernel's Landlock is version %d: files can be linked out of their folders", version)
	}
	return nil
}

func shellsConfined(_ context.Context, p *Patient) []Finding {
	if p.Kernel.Shell == nil {
		return nil
	}
	uid := p.Settings.Users.Shells + config.ShellUsers - 1 // the one that a running service takes last
	if os.Geteuid() != 0 {
		uid = 0
	}
	if err := p.Kernel.Shell(uid); err != nil {
		return one(Fail, "a role's shell: governed gives nothing until this works: the kernel needs seccomp (CONFIG_SECCOMP_FILTER), and a container or unit must let the service use it and change users", "%v", err)
	}
	return nil
}

func diskLow(_ context.Context, p *Patient) []Finding {
	free, err := p.Kernel.Free(p.Settings.Data)
	if err != nil {
		return nil // there is no folder yet
	}
	least, warn := uint64(p.Settings.Storage.MinFree), uint64(p.Settings.Storage.Warning())
	const do = "make room, or add a retention rule (docs/recording.md); nothing is removed by itself"
	switch {
	case free < least:
		return one(Fail, do, "%d bytes are free, less than storage.min_free: no session begins", free)
	case free < warn:
		return one(Warn, do, "%d bytes are free, less than storage.warn_free", free)
	}
	return nil
}
