package backup

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// ErrDamaged is returned for an archive that is torn, altered, or no backup. The error names the member.
var ErrDamaged = errors.New("the backup is damaged")

// Names in an archive. Everything of the data folder is below dataPrefix.
const (
	formatName   = "FORMAT"
	manifestName = "MANIFEST"
	dataPrefix   = "data/"
)

// What FORMAT says.
const (
	formatVersion = 1
	formatLine    = "gatehouse backup %d\n"
	formatText    = "gatehouse backup 1\n"
)

// member is one file or folder of a backup; line is what the manifest says of it.
type member struct {
	name     string // below the data folder, "." for the folder itself
	dir      bool
	mode     fs.FileMode // permission bits
	uid, gid int
	size     int64
	sum      string // hex SHA-256, "-" for a folder
}

// line is the member's line in the manifest.
func (m member) line() string {
	return fmt.Sprintf("%s %04o %d %d %d %q\n", m.sum, m.mode, m.uid, m.gid, m.size, m.name)
}

// header is the member's head in the archive.
func (m member) header(info fs.FileInfo) *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: dataPrefix + m.name, Mode: int64(m.mode), Uid: m.uid, Gid: m.gid, Size: m.size,
		ModTime: info.ModTime(), Format: tar.FormatPAX,
	}
	if m.dir {
		h.Typeflag, h.Name = tar.TypeDir, dataPrefix+m.name+"/"
	}
	return h
}

// newMember describes a file or folder as it is on disk.
func newMember(name string, info fs.FileInfo) (member, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return member{}, fmt.Errorf("%s: no owner is known", name)
	}
	return member{name: name, dir: info.IsDir(), mode: info.Mode().Perm(), uid: int(st.Uid), gid: int(st.Gid), sum: "-"}, nil
}

// parseMember reads a member's head. Anything but a regular file or a folder with a plain relative name is refused.
func parseMember(h *tar.Header) (member, error) {
	name, ok := strings.CutPrefix(h.Name, dataPrefix)
	m := member{
		name: strings.TrimSuffix(name, "/"), dir: h.Typeflag == tar.TypeDir, mode: fs.FileMode(h.Mode) & fs.ModePerm,
		uid: h.Uid, gid: h.Gid, size: h.Size, sum: "-",
	}
	if !ok || !fs.ValidPath(m.name) || !m.dir && (h.Typeflag != tar.TypeReg || m.name == ".") || m.dir && m.size != 0 {
		return member{}, fmt.Errorf("%w: member %q is neither a file nor a folder of the data folder", ErrDamaged, h.Name)
	}
	return m, nil
}

// stage says when a file is copied; see the package comment.
type stage int

const (
	whole stage = iota
	checkpoints
	log
	databases
	liveMarkers
	recordings
	recordingKeys
	stages // their number
)

// Folders with an order of their own, below the data folder.
const (
	logDir        = "decider/log"
	recordingsDir = "door/recordings"
	searchDir     = "door/search"
)

// stageOf says when the file with that name has its turn.
func stageOf(name string) stage {
	switch {
	case below(name, recordingsDir+"/live"):
		return liveMarkers
	case below(name, recordingsDir) && strings.HasSuffix(name, ".key"):
		return recordingKeys // a recording that was copied has had its key since before it was there
	case below(name, recordingsDir):
		return recordings
	case below(name, logDir) && strings.HasPrefix(path.Base(name), "checkpoint"):
		return checkpoints
	case below(name, logDir):
		return log
	case strings.HasSuffix(name, ".db"):
		return databases
	}
	return whole
}

// below says whether name is in the folder.
func below(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }

// temporary says whether a name is one of those that are left out.
func temporary(name string) bool {
	base := path.Base(name)
	if below(name, searchDir) {
		return true // made again from the recordings
	}
	if strings.HasPrefix(base, ".") && name != "." {
		return true
	}
	for _, suffix := range []string{".tmp", ".lock", ".db-wal", ".db-shm", ".db-journal"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return false
}
