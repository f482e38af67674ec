package local

import (
	"maps"
	"slices"

	"gatehouse/internal/permit"
)

// umask is what commands begin with, whatever the supervisor's own is.
const umask = 0o022

// order is one command, ready to be started: from the supervisor to its warden, and from there to the shim.
type order struct {
	Path   string   `json:"path"` // the program's file
	Argv   []string `json:"argv"`
	Env    []string `json:"env"` // all of it
	Home   string   `json:"home"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"`
	Rlimit []rlimit `json:"rlimit,omitempty"`
	PTY    bool     `json:"pty,omitempty"`
	Modes  []byte   `json:"modes,omitempty"` // of the terminal, as the client sent them
	Group  bool     `json:"group,omitempty"` // there is a cgroup
	Warden int      `json:"warden,omitempty"`
}

// orderOf is the permit's argv as the user, with an environment that is a list of what is allowed and nothing else: the
// user's own names and folders, the search path, the language, the terminal's name, and what was decided.
func orderOf(p permit.Permit, l login, program string, m message) order {
	env := map[string]string{"PATH": path, "HOME": l.home, "USER": l.name, "LOGNAME": l.name, "SHELL": l.shell, "LANG": "C.UTF-8"}
	if p.PTY && terminalName(m.Term) {
		env["TERM"] = m.Term
	}
	for _, v := range p.Env {
		env[v.Name] = v.Value // a later one counts: the session's mark is the last
	}
	o := order{Path: program, Argv: p.Argv, Home: l.home, UID: l.uid, GID: l.gid, Groups: l.groups, PTY: p.PTY, Modes: m.Modes}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		o.Env = append(o.Env, name+"="+env[name])
	}
	return o
}
