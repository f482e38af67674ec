package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Request is the body of add-checkpoint.
type Request struct {
	Old   int64          // size of the checkpoint that the witness is thought to have
	Proof tlog.TreeProof // that Note goes on from it (RFC 6962, 2.1.2)
	Note  []byte         // the signed checkpoint
}

// ErrMalformed is for a body that is no request.
var ErrMalformed = errors.New("malformed add-checkpoint request")

// Encode writes a request as it goes over the wire.
func (r Request) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", r.Old)
	for _, h := range r.Proof {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(r.Note)
	return b.Bytes()
}

// ParseRequest reads what Encode writes, and only that.
func ParseRequest(body []byte) (Request, error) {
	head, msg, ok := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) > maxProof+1 || len(body) > maxBody {
		return Request{}, ErrMalformed
	}
	text, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != text {
		return Request{}, fmt.Errorf("%w: old size", ErrMalformed)
	}
	r := Request{Old: old, Note: msg}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return Request{}, fmt.Errorf("%w: proof", ErrMalformed)
		}
		r.Proof = append(r.Proof, h)
	}
	return r, nil
}
