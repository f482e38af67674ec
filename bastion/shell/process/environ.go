package process

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"mvdan.cc/sh/v3/expand"

	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// The variables in which the rewritten text keeps what interp has no place for. They are never exported.
const (
	nameVariable  = "__gatehouse_0"     // $0
	jobVariable   = "__gatehouse_job"   // in what runs behind: its number
	bangVariable  = "__gatehouse_bang"  // $!
	chainVariable = "__gatehouse_chain" // of the text that is read: an index
	umaskVariable = "__gatehouse_umask"
	stackVariable = "__gatehouse_dirs"  // of pushd, without the current folder
	sinceVariable = "__gatehouse_since" // SECONDS counts from here

	testedVariable = "__gatehouse_tested" // in a function whose status is tested, which set -e does not heed: anything
	ownVariables   = "__gatehouse_"       // what all of them begin with
)

// environ are the variables that a shell begins with.
type environ struct {
	vars  map[string]expand.Variable
	begun atomic.Bool
}

// noDir is what interp takes for the folder of its own pipes: there is none, and no text can name it.
const noDir = "/\x01none"

func (e *environ) ready() { e.begun.Store(true) }

func (e *environ) set(name, value string) {
	e.vars[name] = expand.Variable{Set: true, Kind: expand.String, Str: value}
}

func (e *environ) export(name, value string) {
	e.vars[name] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: value}
}

// Get implements expand.Environ.
func (e *environ) Get(name string) expand.Variable {
	if name == "TMPDIR" && !e.begun.Load() {
		return expand.Variable{Set: true, Kind: expand.String, Str: noDir}
	}
	return e.vars[name]
}

// Each implements expand.Environ.
func (e *environ) Each(f func(string, expand.Variable) bool) {
	for _, name := range slices.Sorted(maps.Keys(e.vars)) {
		if !f(name, e.vars[name]) {
			return
		}
	}
}

// inherited is what the commands of the target have without being told, and the shell therefore begins with.
func inherited(b wire.Begin) map[string]string {
	all := map[string]string{"HOME": b.Home, "PATH": b.Path, "USER": string(b.Login), "LOGNAME": string(b.Login), "SHELL": "/bin/bash"}
	if b.Term != "" {
		all["TERM"] = b.Term
	}
	for _, v := range b.Env {
		all[v.Name] = v.Value
	}
	return all
}

// newEnviron is a shell's with these exported.
func newEnviron(b wire.Begin, exported map[string]string, posix bool) *environ {
	e := &environ{vars: map[string]expand.Variable{}}
	e.set("GID", "") // interp would invent one
	e.set("UID", number10(b.UID))
	e.set("EUID", number10(b.UID))
	for _, name := range []string{"UID", "EUID"} {
		v := e.vars[name]
		v.ReadOnly = true
		e.vars[name] = v
	}
	if !posix {
		e.set("HOSTNAME", b.Host)
		e.set("BASH", "/bin/bash")
		e.set("BASH_VERSION", "5.2.15(1)-release")
		e.set("OSTYPE", "linux-gnu")
	}
	for name, value := range exported {
		e.export(name, value)
	}
	return e
}

func number10(id int) string {
	if id < 0 {
		return ""
	}
	return strconv.Itoa(id)
}

// never are exported by shells, and not to be told to a command: the target's own shell sets them.
var never = map[string]bool{"PWD": true, "OLDPWD": true, "SHLVL": true, "_": true, "IFS": true, "OPTIND": true, "PPID": true}

// exports are the exported variables of a text.
func exports(env expand.Environ) map[string]string {
	all := map[string]string{}
	for name, v := range env.Each {
		switch {
		case !v.IsSet() || !v.Exported || v.Kind != expand.String || strings.HasPrefix(name, ownVariables):
			delete(all, name)
		default:
			all[name] = v.Str
		}
	}
	return all
}

// changed are the variables that a command is to be told: those that differ from what it has without. What it would have and must not,
// it cannot be told.
func (s *Shell) changed(env expand.Environ) ([]policy.EnvVar, error) {
	now := exports(env)
	for _, name := range slices.Sorted(maps.Keys(s.exported)) {
		if _, ok := now[name]; !ok {
			return nil, refuse("unset "+name, "a command on the target has it all the same: use env -u %s COMMAND", name)
		}
	}
	var told []policy.EnvVar
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, ok := s.exported[name]; !never[name] && (!ok || was != now[name]) {
			told = append(told, policy.EnvVar{Name: name, Value: now[name]})
		}
	}
	return told, nil
}
