package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Carrier is a protocol that carries files. A role's files section lists those that may carry its paths.
type Carrier string

// The carriers.
const (
	SFTP  Carrier = "sftp"
	SCP   Carrier = "scp"
	Rsync Carrier = "rsync"
	Git   Carrier = "git"
)

// carriers lists all there are. SFTP and SCP are meant where a policy names none.
var carriers = [...]Carrier{SFTP, SCP, Rsync, Git}

// FileOp is what is done at a path.
type FileOp string

// The operations.
const (
	OpRead       FileOp = "read"
	OpWrite      FileOp = "write" // create it, or change its content
	OpStat       FileOp = "stat"
	OpList       FileOp = "list"
	OpReadlink   FileOp = "readlink"
	OpMkdir      FileOp = "mkdir"
	OpRmdir      FileOp = "rmdir"
	OpRemove     FileOp = "remove"
	OpRename     FileOp = "rename"
	OpAttributes FileOp = "attributes" // owner, mode, times, size
)

// FileAsk is one operation of a transfer. Path and To are absolute and resolved: no symbolic links, no "." or "..", no slash at
// the end. Their bytes need not be UTF-8.
type FileAsk struct {
	By   Carrier  `json:"by"`
	Op   FileOp   `json:"op"`
	Path string   `json:"path"`
	To   string   `json:"to,omitempty"`   // of rename: the new name
	Kind PathKind `json:"kind,omitempty"` // what is at Path, if known
	Size int64    `json:"size,omitempty"` // of what is read, if known
}

// DecideTransfer says whether an identity may carry any file by this protocol: allow has the directions and the obligations, joined
// over all roles that take part. Each operation is decided by itself (DecideFile).
func (p *Policy) DecideTransfer(r Request, by Carrier) Decision {
	return p.answer(r, func(_ *Request, roles []applied) Decision {
		d := Decision{Verdict: Allow, Mode: Plain, Recording: BestEffort}
		for _, role := range roles {
			for _, f := range role.carried(by) {
				d.join(role, f)
				for _, direction := range []Direction{FileRead, FileWrite} {
					if len(f.of(direction)) > 0 && !slices.Contains(d.Directions, direction) {
						d.Directions = append(d.Directions, direction)
					}
				}
			}
		}
		if len(d.Directions) == 0 {
			return deny(CodeFileNotAllowed, fmt.Sprintf("no role lets files be carried by %s here", quoteCut(string(by))))
		}
		slices.Sort(d.Directions)
		d.Obligations.MaxFile, d.Hold = 0, nil // of each file
		return d
	})
}

// DecideFile says whether an identity may do one operation of a transfer. It goes by text alone; if the login's home is not among the
// facts and a glob below it matters, the verdict is Look.
//
// To read, stat, list and resolve links there must be a readable path, or a writable one for all but reading; at the folders above,
// stat, list and readlink are allowed, and Decision.Names says which names of the folder may be shown. Everything else needs a writable
// path, at both ends of a rename; and a rename neither takes what may not be read to where it may, nor moves a folder of which
// not everything may be written.
func (p *Policy) DecideFile(r Request, f FileAsk) Decision {
	by := func(r *Request, roles []applied) Decision { return decideFile(roles, r.home(), f) }
	switch f.Op {
	case OpStat, OpList, OpReadlink:
		return p.quietly(r, by)
	}
	return p.answer(r, by)
}

// carried are the role's sections that a protocol may carry.
func (a applied) carried(by Carrier) []fileRules {
	if a.denyOnly {
		return nil
	}
	var list []fileRules
	for _, f := range a.files {
		if slices.Contains(f.by, by) {
			list = append(list, f)
		}
	}
	return list
}

// join adds one section that admits something: the stricter of each limit holds.
func (d *Decision) join(role applied, f fileRules) {
	if id := f.role + "/files"; !slices.Contains(d.Rules, id) {
		d.Rules = append(d.Rules, id)
		slices.Sort(d.Rules)
	}
	d.Obligations = d.Obligations.tighten(role.limits).tighten(Obligations{MaxFile: f.maxFile})
	d.Hold = d.Hold.join(f.hold)
	if !role.lenient {
		d.Recording = Strict
	}
}

func decideFile(roles []applied, home string, f FileAsk) Decision {
	if no := f.malformed(); no != nil {
		return *no
	}
	if met, homeless := deniedName(roles, home, func(d *fileDeny) bool { return f.meets(d, home) }); met != nil {
		return met.decision(quoteCut(f.Path))
	} else if homeless {
		return lookHome()
	}
	d := Decision{Verdict: Allow, Mode: Plain, Recording: BestEffort}
	homeless := false
	for _, role := range roles {
		for _, section := range role.carried(f.By) {
			if section.admits(f, home) {
				d.join(role, section)
			}
			homeless = homeless || home == "" && section.inHome()
		}
	}
	switch {
	case len(d.Rules) == 0 && homeless:
		return lookHome()
	case len(d.Rules) == 0:
		return f.denied(roles, home)
	case f.Op == OpRename:
		if no := f.deniedRename(roles, home); no != nil {
			return *no
		}
	case d.Obligations.MaxFile > 0 && f.Op == OpRead && f.Size > d.Obligations.MaxFile:
		return deny(CodeFileNotAllowed, fmt.Sprintf("%s has %d bytes, and a file may have %d", quoteCut(f.Path), f.Size, d.Obligations.MaxFile))
	case f.Op == OpList:
		d.Names = f.names(roles, home)
	}
	return d
}

func lookHome() Decision { return Decision{Verdict: Look, Probes: []Probe{{Kind: ProbeHome}}} }

// malformed reports an operation that nobody can decide.
func (f FileAsk) malformed() *Decision {
	names := []string{f.Path}
	if f.Op == OpRename {
		names = append(names, f.To)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "/") || path.Clean(name) != name || strings.ContainsRune(name, 0) {
			no := deny(CodeFileNotAllowed, fmt.Sprintf("%s is not a resolved path", quoteCut(name)))
			return &no
		}
	}
	if (f.Op == OpRead || f.Op == OpWrite) && (f.Kind == PathDir || f.Kind == PathOther) {
		no := deny(CodeFileNotAllowed, fmt.Sprintf("%s is not a file", quoteCut(f.Path)))
		return &no
	}
	return nil
}

// meets reports whether a deny is about the operation: about its paths, and where a folder goes or comes as a whole, about what may
// lie below it.
func (f FileAsk) meets(d *fileDeny, home string) bool {
	if d.glob.Matches(home, f.Path) {
		return true
	}
	return f.Op == OpRename && (d.glob.Matches(home, f.To) || f.Kind != PathFile && (d.glob.ReachesBelow(home, f.Path) || d.glob.ReachesBelow(home, f.To)))
}

// admits reports whether the section admits the operation.
func (s fileRules) admits(f FileAsk, home string) bool {
	at := func(rules []pathRule, name string) bool {
		return slices.ContainsFunc(rules, func(r pathRule) bool { return r.glob.Matches(home, name) })
	}
	above := func(rules []pathRule) bool {
		return slices.ContainsFunc(rules, func(r pathRule) bool { return r.glob.ReachesBelow(home, f.Path) })
	}
	switch f.Op {
	case OpRead:
		return at(s.read, f.Path)
	case OpStat, OpList, OpReadlink:
		return at(s.read, f.Path) || at(s.write, f.Path) || above(s.read) || above(s.write)
	case OpWrite, OpMkdir, OpRmdir, OpRemove, OpAttributes:
		return at(s.write, f.Path)
	case OpRename:
		return at(s.write, f.Path) || at(s.write, f.To)
	}
	return false
}

// inHome reports whether the section has globs that need the home.
func (s fileRules) inHome() bool {
	return slices.ContainsFunc(slices.Concat(s.read, s.write), func(r pathRule) bool { return r.glob.InHome() })
}

// denied is the denial of what no section admits, with the paths that come nearest.
func (f FileAsk) denied(roles []applied, home string) Decision {
	direction := FileWrite
	what := "written"
	switch f.Op {
	case OpRead, OpStat, OpList, OpReadlink:
		direction, what = FileRead, "read"
	}
	var sections []fileRules
	for _, role := range roles {
		sections = append(sections, role.carried(f.By)...)
	}
	d := deny(CodeFileNotAllowed, fmt.Sprintf("no role lets %s be %s by %s", quoteCut(f.Path), what, quoteCut(string(f.By))))
	d.Nearest = nearestPaths(paths(sections, direction), f.Path, home)
	return d
}
