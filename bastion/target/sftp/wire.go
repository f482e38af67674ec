package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 3).
const (
	PacketInit     = 1
	PacketVersion  = 2
	PacketOpen     = 3
	PacketClose    = 4
	PacketRead     = 5
	PacketWrite    = 6
	PacketLstat    = 7
	PacketFstat    = 8
	PacketSetstat  = 9
	PacketFsetstat = 10
	PacketOpendir  = 11
	PacketReaddir  = 12
	PacketRemove   = 13
	PacketMkdir    = 14
	PacketRmdir    = 15
	PacketRealpath = 16
	PacketStat     = 17
	PacketRename   = 18
	PacketReadlink = 19
	PacketSymlink  = 20
	PacketStatus   = 101
	PacketHandle   = 102
	PacketData     = 103
	PacketName     = 104
	PacketAttrs    = 105
	PacketExtended = 200
	PacketReply    = 201 // to an extended request
)

// The statuses (section 7). OpenSSH says StatusNoFile for ENOENT, ENOTDIR and ELOOP, StatusDenied for EACCES and EPERM.
const (
	StatusOK          = 0
	StatusEOF         = 1
	StatusNoFile      = 2
	StatusDenied      = 3
	StatusFailure     = 4
	StatusBadMessage  = 5
	StatusUnsupported = 8
)

// The flags of an open (section 6.3).
const (
	OpenRead   = 1
	OpenWrite  = 2
	OpenAppend = 4
	OpenCreate = 8
	OpenTrunc  = 16
	OpenExcl   = 32
)

// The most that the protocol's parts may hold.
const (
	MaxPacket = 256 << 10 // OpenSSH's own limit
	MaxHandle = 256
	MaxData   = MaxPacket - 1024 // of one read or write, as OpenSSH has it
	Version   = 3
)

// ErrProtocol says that the target's answers are not those of an SFTP server. Nothing more is asked of it.
var ErrProtocol = errors.New("the target's SFTP server answers wrongly")

// StatusError is a request that the server did not grant. Its text is not kept: it is the target's.
type StatusError uint32

func (e StatusError) Error() string {
	return fmt.Sprintf("the target's SFTP server says status %d", uint32(e))
}

// Packet is one packet: an answer of the target's, or a request of a client's.
type Packet struct {
	Kind   byte
	frame  []byte // all of it, from its length on
	pooled *[]byte
}

const (
	lengthSize = 4
	headSize   = lengthSize + 1 + 4 // length, kind, id
	smallFrame = 8 << 10
)

// frames are the buffers of big packets.
var frames = sync.Pool{New: func() any { b := make([]byte, lengthSize+MaxPacket); return &b }}

// ID is the number of the request.
func (p Packet) ID() uint32 { return binary.BigEndian.Uint32(p.frame[lengthSize+1:]) }

// Body is what follows the number. It is valid until Release.
func (p Packet) Body() []byte { return p.frame[headSize:] }

// Frame is the whole packet under another number, to be sent on. It is valid until Release.
func (p Packet) Frame(id uint32) []byte {
	binary.BigEndian.PutUint32(p.frame[lengthSize+1:], id)
	return p.frame
}

// Release gives a big packet's memory back; one that is not released is garbage like any other.
func (p Packet) Release() {
	if p.pooled != nil {
		frames.Put(p.pooled)
	}
}

// Request is the beginning of a packet, up to its number: length, kind, id. Seal completes it.
func Request(kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, lengthSize, 64), kind), id)
}

// AppendText appends a length and so many bytes.
func AppendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// Seal writes the packet's length into its head.
func Seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-lengthSize))
	return b
}

// Text is the one field of most requests: a path or a handle.
func Text(s string) func([]byte) []byte {
	return func(b []byte) []byte { return AppendText(b, s) }
}

// ReadPacket reads one packet, of which nothing is believed but a length within bounds.
func ReadPacket(r io.Reader) (Packet, error) {
	var head [lengthSize + 1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Packet{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > MaxPacket {
		return Packet{}, fmt.Errorf("%w: a packet of %d bytes", ErrProtocol, n)
	}
	p := Packet{Kind: head[lengthSize]}
	if n <= smallFrame {
		p.frame = make([]byte, lengthSize+n)
	} else {
		p.pooled = frames.Get().(*[]byte)
		p.frame = (*p.pooled)[:lengthSize+n]
	}
	copy(p.frame, head[:])
	if _, err := io.ReadFull(r, p.frame[len(head):]); err != nil {
		p.Release()
		return Packet{}, fmt.Errorf("%w: a packet ends early: %w", ErrProtocol, err)
	}
	return p, nil
}

// Reader takes a packet's fields one after the other. What is missing is zero, and Short is set.
type Reader struct {
	B     []byte
	Short bool
}

// Take is the next n bytes, of the packet itself.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.B) {
		r.B, r.Short = nil, true
		return nil
	}
	out := r.B[:n]
	r.B = r.B[n:]
	return out
}

// Uint32 is the next number.
func (r *Reader) Uint32() uint32 {
	b := r.Take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// Uint64 is the next number.
func (r *Reader) Uint64() uint64 {
	b := r.Take(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Bytes are the next length and so many bytes, of the packet itself.
func (r *Reader) Bytes() []byte {
	n := r.Uint32()
	if n > MaxPacket {
		r.B, r.Short = nil, true
		return nil
	}
	return r.Take(int(n))
}

// Text is Bytes as a string of its own.
func (r *Reader) Text() string { return string(r.Bytes()) }
