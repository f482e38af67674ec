package look

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The packets of SFTP version 3 that are spoken here (draft-ietf-secsh-filexfer-02, section 3).
const (
	packetInit     = 1
	packetVersion  = 2
	packetOpen     = 3
	packetClose    = 4
	packetRead     = 5
	packetLstat    = 7
	packetOpendir  = 11
	packetReaddir  = 12
	packetRealpath = 16
	packetStat     = 17
	packetReadlink = 19
	packetStatus   = 101
	packetHandle   = 102
	packetData     = 103
	packetName     = 104
	packetAttrs    = 105
)

// The statuses that mean something here (section 7). OpenSSH says statusNoFile for ENOENT, ENOTDIR and ELOOP, statusDenied for
// EACCES and EPERM.
const (
	statusEOF    = 1
	statusNoFile = 2
	statusDenied = 3
)

// The most that the protocol's parts may hold.
const (
	maxPacket = 256 << 10 // OpenSSH's own limit
	maxHandle = 256
	version   = 3
)

// ErrProtocol says that the target's answers are not those of an SFTP server. Nothing more is asked of it.
var ErrProtocol = errors.New("the target's SFTP server answers wrongly")

// statusError is a request that the server did not grant. Its text is not kept: it is the target's.
type statusError uint32

func (e statusError) Error() string {
	return fmt.Sprintf("the target's SFTP server says status %d", uint32(e))
}

// packet is one answer, without its request's number.
type packet struct {
	kind byte
	body []byte
}

// request is a packet that asks, up to its number: length, kind, id.
func request(kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 4, 64), kind), id)
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// seal writes the packet's length into its head.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// readPacket reads one packet: its kind and the rest.
func readPacket(r io.Reader) (kind byte, rest []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > maxPacket {
		return 0, nil, fmt.Errorf("%w: a packet of %d bytes", ErrProtocol, n)
	}
	rest = make([]byte, n-1)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, nil, fmt.Errorf("%w: a packet ends early: %w", ErrProtocol, err)
	}
	return head[4], rest, nil
}

// reader takes a packet's fields one after the other. What is missing is zero, and short is set.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.short = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uint32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) uint64() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (r *reader) text() string {
	n := r.uint32()
	if n > maxPacket {
		r.b, r.short = nil, true
		return ""
	}
	return string(r.take(int(n)))
}

// attrs is what is asked of a file (section 5).
type attrs struct {
	known    uint32 // the flags below
	size     uint64
	uid, gid uint32
	mode     uint32 // as in struct stat
}

// The flags of attributes.
const (
	attrSize     = 1
	attrOwner    = 2
	attrMode     = 4
	attrTimes    = 8
	attrExtended = 1 << 31
)

func (r *reader) attrs() attrs {
	a := attrs{known: r.uint32()}
	if a.known&attrSize != 0 {
		a.size = r.uint64()
	}
	if a.known&attrOwner != 0 {
		a.uid, a.gid = r.uint32(), r.uint32()
	}
	if a.known&attrMode != 0 {
		a.mode = r.uint32()
	}
	if a.known&attrTimes != 0 {
		r.take(8)
	}
	if a.known&attrExtended != 0 {
		for n := r.uint32(); n > 0 && !r.short; n-- {
			r.text()
			r.text()
		}
	}
	return a
}

// The kinds of files in a mode, as every system with an OpenSSH numbers them.
const (
	modeKind = 0o170000
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

func (a attrs) isDir() bool  { return a.mode&modeKind == modeDir }
func (a attrs) isFile() bool { return a.mode&modeKind == modeFile }
func (a attrs) isLink() bool { return a.mode&modeKind == modeLink }

// status reads an answer that is a status; every other kind is an error.
func (p packet) status() error {
	if p.kind != packetStatus {
		return fmt.Errorf("%w: packet %d", ErrProtocol, p.kind)
	}
	r := reader{b: p.body}
	code := r.uint32()
	if r.short {
		return fmt.Errorf("%w: a short status", ErrProtocol)
	}
	return statusError(code)
}

// attrs reads an answer with owner, mode and size.
func (p packet) attrs() (attrs, error) {
	if p.kind != packetAttrs {
		return attrs{}, p.status()
	}
	r := reader{b: p.body}
	a := r.attrs()
	const need = attrSize | attrOwner | attrMode
	if r.short || a.known&need != need {
		return attrs{}, fmt.Errorf("%w: attributes without owner, mode or size", ErrProtocol)
	}
	return a, nil
}

// handle reads an answer that opened something.
func (p packet) handle() (string, error) {
	if p.kind != packetHandle {
		return "", p.status()
	}
	r := reader{b: p.body}
	h := r.text()
	if r.short || h == "" || len(h) > maxHandle {
		return "", fmt.Errorf("%w: a handle of %d bytes", ErrProtocol, len(h))
	}
	return h, nil
}

// data reads a part of a file's content.
func (p packet) data() ([]byte, error) {
	if p.kind != packetData {
		return nil, p.status()
	}
	r := reader{b: p.body}
	d := r.take(int(r.uint32()))
	if r.short || len(d) == 0 {
		return nil, fmt.Errorf("%w: short data", ErrProtocol)
	}
	return d, nil
}

// names reads names, without their attributes, which readdir gives from lstat at best.
func (p packet) names() ([]string, error) {
	if p.kind != packetName {
		return nil, p.status()
	}
	r := reader{b: p.body}
	n := r.uint32()
	if n == 0 || int64(n) > int64(len(p.body))/12 { // two lengths and flags each
		return nil, fmt.Errorf("%w: %d names", ErrProtocol, n)
	}
	names := make([]string, 0, n)
	for range n {
		names = append(names, r.text())
		r.text() // as ls -l would show it
		r.attrs()
	}
	if r.short {
		return nil, fmt.Errorf("%w: short names", ErrProtocol)
	}
	return names, nil
}

// name reads the one name that realpath and readlink answer.
func (p packet) name() (string, error) {
	names, err := p.names()
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("%w: %d names for one", ErrProtocol, len(names))
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}
