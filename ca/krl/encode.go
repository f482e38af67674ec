package krl

import "encoding/binary"

// encode writes the list, section types in the order in which ssh-keygen writes them.
func (l *List) encode() []byte {
	c := l.contents
	b := append([]byte(nil), magic...)
	b = binary.BigEndian.AppendUint32(b, formatVersion)
	b = binary.BigEndian.AppendUint64(b, c.Version)
	var generated uint64
	if !c.Generated.IsZero() {
		generated = uint64(c.Generated.Unix())
	}
	b = binary.BigEndian.AppendUint64(b, generated)
	b = binary.BigEndian.AppendUint64(b, 0) // flags
	b = appendString(b, "")                 // reserved
	b = appendString(b, c.Comment)
	for i, of := range c.Certificates {
		b = appendSection(b, sectionCertificates, encodeCertificates(l.cas[i], of))
	}
	b = appendStrings(b, sectionKeys, len(l.keys), func(i int) []byte { return []byte(l.keys[i]) })
	b = appendStrings(b, sectionSHA1, len(c.SHA1), func(i int) []byte { return c.SHA1[i][:] })
	return appendStrings(b, sectionSHA256, len(c.SHA256), func(i int) []byte { return c.SHA256[i][:] })
}

// encodeCertificates writes the body of a section: the CA, the serials in the smallest form, the key IDs.
func encodeCertificates(ca string, of Certificates) []byte {
	b := appendString(nil, ca)
	b = appendString(b, "") // reserved
	p := plan(of.Serials)
	if len(p.list) > 0 {
		var list []byte
		for _, r := range p.list {
			for n := uint64(0); n <= r.Last-r.First; n++ {
				list = binary.BigEndian.AppendUint64(list, r.First+n)
			}
		}
		b = appendSection(b, certSerialList, list)
	}
	for _, r := range p.ranges {
		b = appendSection(b, certSerialRange, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.First), r.Last))
	}
	for _, runs := range p.bitmaps {
		b = appendSection(b, certSerialBitmap, encodeBitmap(runs))
	}
	return appendStrings(b, certKeyID, len(of.KeyIDs), func(i int) []byte { return []byte(of.KeyIDs[i]) })
}

// encodeBitmap writes an offset and a positive mpint whose bit N is the serial offset+N.
func encodeBitmap(runs []Range) []byte {
	offset := runs[0].First
	top := runs[len(runs)-1].Last - offset
	number := make([]byte, top/8+1)
	for _, r := range runs {
		for n := r.First - offset; n <= r.Last-offset; n++ {
			number[top/8-n/8] |= 1 << (n % 8)
		}
	}
	if number[0] >= 0x80 { // it would be negative
		number = append([]byte{0}, number...)
	}
	return appendString(binary.BigEndian.AppendUint64(nil, offset), number)
}

// appendStrings adds a section of n strings, unless n is 0.
func appendStrings(b []byte, kind byte, n int, value func(i int) []byte) []byte {
	if n == 0 {
		return b
	}
	var body []byte
	for i := range n {
		body = appendString(body, value(i))
	}
	return appendSection(b, kind, body)
}

func appendSection(b []byte, kind byte, body []byte) []byte {
	return appendString(append(b, kind), body)
}

func appendString[S string | []byte](b []byte, s S) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
