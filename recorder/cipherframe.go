package recorder

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// cipherVersion is the format's version of an encrypted recording. Readers of version 1 refuse its prefix.
const cipherVersion = 2

// An encrypted frame is a skippable frame for zstd, so that `zstd -dc` passes over what it cannot read.
const (
	magicCipher = 0x184D2A5C
	cipherHead  = 12 // magic, size, raw length: authenticated along with the content
	cipherTag   = 16
)

// codec turns stored frames into events.
type codec struct {
	dec  *zstd.Decoder
	aead cipher.AEAD // nil: encrypted frames are locked
}

// nonceAt is the nonce of the frame that begins at a file offset: a recording is only ever appended to, by one process with
// a key that is the recording's own, so no two frames share one.
func nonceAt(offset int64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, 0, 12), uint64(offset))[:12]
}

// cipherFrame returns the stored form of a run of events in an encrypted recording, for the file offset at.
func cipherFrame(enc *zstd.Encoder, aead cipher.AEAD, dst, raw []byte, at int64) []byte {
	dst = append(dst[:0], make([]byte, cipherHead)...)
	dst = enc.EncodeAll(raw, dst)
	binary.LittleEndian.PutUint32(dst[0:], magicCipher)
	binary.LittleEndian.PutUint32(dst[4:], uint32(len(dst)+cipherTag-frameHead))
	binary.LittleEndian.PutUint32(dst[8:], uint32(len(raw)))
	head := dst[:cipherHead:cipherHead]
	return aead.Seal(head, nonceAt(at), dst[cipherHead:], head)
}

// readCipher reads the rest of an encrypted frame that begins at offset at; head holds its first eight bytes.
func (c codec) readCipher(r io.Reader, head [dataPrelude]byte, at int64) (frame, error) {
	if _, err := io.ReadFull(r, head[frameHead:cipherHead]); err != nil {
		return frame{}, noEOF(err)
	}
	size, raw := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	if size < cipherHead-frameHead+cipherTag || size > cipherHead-frameHead+maxZstd+cipherTag || raw > MaxChunk || raw == 0 {
		return frame{}, fmt.Errorf("%w: encrypted frame of %d bytes, %d raw", ErrCorrupt, size, raw)
	}
	b := make([]byte, size-(cipherHead-frameHead))
	if _, err := io.ReadFull(r, b); err != nil {
		return frame{}, noEOF(err)
	}
	f := frame{size: frameHead + int64(size), encrypted: true, rawLen: int64(raw)}
	if c.aead == nil {
		return f, nil
	}
	b, err := c.aead.Open(b[:0], nonceAt(at), b, head[:cipherHead])
	if err != nil {
		return frame{}, fmt.Errorf("%w: a frame is not what was encrypted with this key", ErrCorrupt)
	}
	f.raw, err = c.decode(b, raw)
	return f, err
}

// decode decompresses a frame's events.
func (c codec) decode(b []byte, raw uint32) ([]byte, error) {
	out, err := c.dec.DecodeAll(b, make([]byte, 0, raw))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	if len(out) != int(raw) {
		return nil, fmt.Errorf("%w: %d bytes of events where %d were promised", ErrCorrupt, len(out), raw)
	}
	return out, nil
}
