package krl

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Section types (PROTOCOL.krl, 1 and 2).
const (
	sectionCertificates = 1
	sectionKeys         = 2
	sectionSHA1         = 3
	sectionSignature    = 4
	sectionSHA256       = 5
	sectionExtension    = 255

	certSerialList   = 0x20
	certSerialRange  = 0x21
	certSerialBitmap = 0x22
	certKeyID        = 0x23
	certExtension    = 0x39
)

const (
	magic         = "SSHKRL\n\x00"
	formatVersion = 1
)

// maxBitmap is how many bytes of bitmap OpenSSH reads (SSHBUF_MAX_BIGNUM); a longer one makes it refuse the list.
const maxBitmap = 2048

// ParseError says where and why bytes are not a list that we understand.
type ParseError struct {
	Offset int // in bytes from the beginning
	Reason string
}

func (e *ParseError) Error() string { return fmt.Sprintf("KRL, byte %d: %s", e.Offset, e.Reason) }

// parser collects what a list says, and counts it.
type parser struct {
	contents Contents
	entries  int
}

// Parse reads a list. Every refusal is a *ParseError, or wraps ErrTooLarge. It keeps nothing of data.
func Parse(data []byte) (*List, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("parse KRL of %d bytes: %w", len(data), ErrTooLarge)
	}
	p, r := &parser{}, &reader{data: data}
	if err := p.header(r); err != nil {
		return nil, err
	}
	for !r.done() {
		if err := p.section(r); err != nil {
			return nil, err
		}
	}
	return New(p.contents)
}

func (p *parser) header(r *reader) error {
	if !bytes.HasPrefix(r.data, []byte(magic)) {
		return r.fail(0, "not a KRL: it begins otherwise")
	}
	r.at = len(magic)
	var err error
	number := func(n *uint64, size int) {
		if err == nil {
			*n, err = r.uint(size)
		}
	}
	var format, generated, flags uint64
	number(&format, 4)
	if err == nil && format != formatVersion {
		return r.fail(r.at-4, "format version %d: want %d", format, formatVersion)
	}
	number(&p.contents.Version, 8)
	number(&generated, 8)
	if err == nil && generated > lastGenerated {
		return r.fail(r.at-8, "generated %d seconds after 1970: want at most %d", generated, int64(lastGenerated))
	}
	number(&flags, 8)
	if err == nil && flags != 0 {
		return r.fail(r.at-8, "flags %#x: none are defined", flags)
	}
	if err != nil {
		return err
	}
	if generated != 0 {
		p.contents.Generated = time.Unix(int64(generated), 0).UTC()
	}
	if err := r.reserved(); err != nil {
		return err
	}
	p.contents.Comment, err = r.text()
	return err
}

// section reads one section of the list.
func (p *parser) section(r *reader) error {
	at := r.at
	kind, err := r.uint(1)
	if err != nil {
		return err
	}
	if kind == sectionSignature {
		return r.fail(at, "a signature section: OpenSSH 9.4 and later refuse such lists; sign the file with ssh-keygen -Y sign")
	}
	body, err := r.sub()
	if err != nil {
		return err
	}
	switch kind {
	case sectionCertificates:
		return p.certificates(body)
	case sectionExtension:
		return extension(body)
	case sectionKeys:
		return p.each(body, p.key)
	case sectionSHA1:
		return p.fingerprints(body, 20, func(sum []byte) { p.contents.SHA1 = append(p.contents.SHA1, [20]byte(sum)) })
	case sectionSHA256:
		return p.fingerprints(body, 32, func(sum []byte) { p.contents.SHA256 = append(p.contents.SHA256, [32]byte(sum)) })
	}
	return r.fail(at, "section type %d is unknown", kind)
}

func (p *parser) key(at int, wire *reader) error {
	key, err := readKey(wire.rest())
	if err != nil {
		return wire.fail(at, "revoked key: %v", err)
	}
	p.contents.Keys = append(p.contents.Keys, key)
	return nil
}

// fingerprints reads a section of hashes, which must ascend (PROTOCOL.krl, 4).
func (p *parser) fingerprints(body *reader, size int, add func([]byte)) error {
	var last string
	return p.each(body, func(at int, value *reader) error {
		sum := value.rest()
		if len(sum) != size {
			return value.fail(at, "fingerprint of %d bytes: want %d", len(sum), size)
		}
		if last != "" && string(sum) <= last {
			return value.fail(at, "fingerprint out of order")
		}
		last = string(sum)
		add(sum)
		return nil
	})
}

// certificates reads a section of revoked certificates of one CA.
func (p *parser) certificates(body *reader) error {
	at := body.at
	ca, err := body.sub()
	if err != nil {
		return err
	}
	var of Certificates
	if !ca.done() {
		if of.CA, err = readCA(ca.rest()); err != nil {
			return body.fail(at, "CA: %v", err)
		}
	}
	if err := body.reserved(); err != nil {
		return err
	}
	if body.done() {
		return body.fail(body.at, "a section without certificates")
	}
	for !body.done() {
		if err := p.subsection(body, &of); err != nil {
			return err
		}
	}
	p.contents.Certificates = append(p.contents.Certificates, of)
	return nil
}

func readCA(wire []byte) (ssh.PublicKey, error) {
	key, err := readKey(wire)
	if err != nil {
		return nil, err
	}
	return key, checkCA(key)
}

// subsection reads one set of serials or key IDs.
func (p *parser) subsection(r *reader, of *Certificates) error {
	at := r.at
	kind, err := r.uint(1)
	if err != nil {
		return err
	}
	body, err := r.sub()
	if err != nil {
		return err
	}
	switch kind {
	case certSerialList:
		return p.serialList(body, of)
	case certSerialRange:
		return p.serialRange(body, of)
	case certSerialBitmap:
		return p.serialBitmap(body, of)
	case certKeyID:
		return p.each(body, func(at int, value *reader) error {
			id := string(value.rest())
			if strings.Contains(id, "\x00") {
				return value.fail(at, "NUL in key ID %.64q", id)
			}
			of.KeyIDs = append(of.KeyIDs, id)
			return nil
		})
	case certExtension:
		return extension(body)
	}
	return r.fail(at, "certificate section type %#x is unknown", kind)
}

func (p *parser) serialList(body *reader, of *Certificates) error {
	if body.done() {
		return body.fail(body.at, "an empty list of serials")
	}
	for !body.done() {
		at := body.at
		serial, err := body.uint(8)
		if err != nil {
			return err
		}
		if err := p.serials(body, at, of, Range{serial, serial}); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) serialRange(body *reader, of *Certificates) error {
	at := body.at
	first, err := body.uint(8)
	if err != nil {
		return err
	}
	last, err := body.uint(8)
	if err != nil {
		return err
	}
	if !body.done() {
		return body.fail(body.at, "more after a range of serials")
	}
	return p.serials(body, at, of, Range{first, last})
}

// serialBitmap reads an offset and a positive mpint (RFC 4251, 5); bit N of the number is the serial offset+N.
func (p *parser) serialBitmap(body *reader, of *Certificates) error {
	at := body.at
	offset, err := body.uint(8)
	if err != nil {
		return err
	}
	number, err := body.sub()
	if err != nil {
		return err
	}
	bitmap := number.rest()
	switch {
	case !body.done():
		return body.fail(body.at, "more after a bitmap of serials")
	case len(bitmap) == 0:
		return body.fail(at, "an empty bitmap")
	case bitmap[0] >= 0x80:
		return body.fail(at, "a negative bitmap")
	case bitmap[0] == 0 && (len(bitmap) == 1 || bitmap[1] < 0x80):
		return body.fail(at, "a bitmap that is not in its shortest form")
	case bitmap[0] == 0:
		bitmap = bitmap[1:]
	}
	if len(bitmap) > maxBitmap {
		return body.fail(at, "a bitmap of %d bytes: OpenSSH reads at most %d", len(bitmap), maxBitmap)
	}
	top := uint64(len(bitmap)*8 - bits.LeadingZeros8(bitmap[0]) - 1)
	if offset+top < offset {
		return body.fail(at, "a bitmap beyond the largest serial")
	}
	return p.setBits(body, at, of, offset, bitmap, top)
}

// setBits adds the runs of set bits.
func (p *parser) setBits(body *reader, at int, of *Certificates, offset uint64, bitmap []byte, top uint64) error {
	set := func(n uint64) bool { return bitmap[uint64(len(bitmap))-1-n/8]>>(n%8)&1 == 1 }
	for n := uint64(0); n <= top; n++ {
		if !set(n) {
			continue
		}
		first := n
		for n < top && set(n+1) {
			n++
		}
		if err := p.serials(body, at, of, Range{offset + first, offset + n}); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) serials(r *reader, at int, of *Certificates, run Range) error {
	if err := run.validate(); err != nil {
		return r.fail(at, "%v", err)
	}
	if err := p.count(); err != nil {
		return err
	}
	of.Serials = append(of.Serials, run)
	return nil
}

// each reads a section of at least one string.
func (p *parser) each(body *reader, read func(at int, value *reader) error) error {
	if body.done() {
		return body.fail(body.at, "an empty section")
	}
	for !body.done() {
		at := body.at
		value, err := body.sub()
		if err != nil {
			return err
		}
		if err := p.count(); err != nil {
			return err
		}
		if err := read(at, value); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) count() error {
	if p.entries++; p.entries > MaxEntries {
		return fmt.Errorf("parse KRL of more than %d entries: %w", MaxEntries, ErrTooLarge)
	}
	return nil
}

// extension skips an extension that is not critical, and refuses all others (PROTOCOL.krl, 2.5 and 5).
func extension(body *reader) error {
	at := body.at
	name, err := body.text()
	if err != nil {
		return err
	}
	critical, err := body.uint(1)
	if err != nil {
		return err
	}
	if critical != 0 {
		return body.fail(at, "critical extension %.64q is unknown", name)
	}
	if _, err := body.sub(); err != nil {
		return err
	}
	if !body.done() {
		return body.fail(body.at, "more after extension %.64q", name)
	}
	return nil
}
