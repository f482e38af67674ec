package sftp

import "encoding/binary"

// Attrs is what is said of a file, or is to be set (section 5).
type Attrs struct {
	Known        uint32 // the flags below
	Size         uint64
	UID, GID     uint32
	Mode         uint32 // as in struct stat
	Atime, Mtime uint32
}

// The flags of attributes.
const (
	AttrSize     = 1
	AttrOwner    = 2
	AttrMode     = 4
	AttrTimes    = 8
	AttrExtended = 1 << 31
)

// Attrs are the next attributes; extended ones are passed over.
func (r *Reader) Attrs() Attrs {
	a := Attrs{Known: r.Uint32()}
	if a.Known&AttrSize != 0 {
		a.Size = r.Uint64()
	}
	if a.Known&AttrOwner != 0 {
		a.UID, a.GID = r.Uint32(), r.Uint32()
	}
	if a.Known&AttrMode != 0 {
		a.Mode = r.Uint32()
	}
	if a.Known&AttrTimes != 0 {
		a.Atime, a.Mtime = r.Uint32(), r.Uint32()
	}
	if a.Known&AttrExtended != 0 {
		for n := r.Uint32(); n > 0 && !r.Short; n-- {
			r.Bytes()
			r.Bytes()
		}
	}
	return a
}

// Append appends the attributes, without extended ones.
func (a Attrs) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, a.Known&(AttrSize|AttrOwner|AttrMode|AttrTimes))
	if a.Known&AttrSize != 0 {
		b = binary.BigEndian.AppendUint64(b, a.Size)
	}
	if a.Known&AttrOwner != 0 {
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, a.UID), a.GID)
	}
	if a.Known&AttrMode != 0 {
		b = binary.BigEndian.AppendUint32(b, a.Mode)
	}
	if a.Known&AttrTimes != 0 {
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, a.Atime), a.Mtime)
	}
	return b
}

// The kinds of files in a mode, as every system with an OpenSSH numbers them.
const (
	ModeKind = 0o170000
	ModeDir  = 0o040000
	ModeFile = 0o100000
	ModeLink = 0o120000
)

// IsDir reports whether it is a folder.
func (a Attrs) IsDir() bool { return a.Mode&ModeKind == ModeDir }

// IsFile reports whether it is a regular file.
func (a Attrs) IsFile() bool { return a.Mode&ModeKind == ModeFile }

// IsLink reports whether it is a symbolic link.
func (a Attrs) IsLink() bool { return a.Mode&ModeKind == ModeLink }
