package export

import (
	"context"
	"fmt"
	"time"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/ocsf"
)

// sink is where a worker's entries go. It is used by one goroutine.
type sink interface {
	// send hands entries over, in order; it connects if it has to. An error means that any of them may have arrived, and that it
	// will be tried again from the cursor on. A *refusedError means that the receiver took none of them and never will take all;
	// lost says how many it took note of and dropped.
	send(ctx context.Context, records []audit.Record) (lost lost, err error)
	// sync makes what was handed over as durable as the receiver can; the cursor moves only after it.
	sync() error
	// check says whether the receiver is known to be gone; it is asked now and then, and when there is nothing to send.
	check() error
	// close gives up what is open; send opens it again.
	close()
}

// lost is what a receiver took note of and dropped.
type lost struct {
	entries int64
	why     string
}

// refusedError says that a receiver will never take these entries.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return "the receiver refuses it: " + e.why }

// manner is how a kind of sink is treated.
type manner struct {
	hold      hold
	syncEvery time.Duration // between two calls of sync while there is something to send
}

// encodeAll encodes entries one by one; what cannot be encoded is refused.
func encodeAll(encode Encode, records []audit.Record, each func(line []byte)) error {
	var buf []byte
	for _, r := range records {
		line, err := encode(buf[:0], r)
		if err != nil {
			return &refusedError{fmt.Sprintf("entry %d cannot be written in this format: %v", r.Seq, err)}
		}
		each(line)
		buf = line
	}
	return nil
}

// encodeEntry is the format "entry": the stored line itself.
func encodeEntry(dst []byte, r audit.Record) ([]byte, error) { return append(dst, r.Line...), nil }

// encodeOCSF is the format "ocsf".
func encodeOCSF(dst []byte, r audit.Record) ([]byte, error) {
	e, err := audit.Parse(r.Line)
	if err != nil {
		return nil, err
	}
	return ocsf.Append(dst, e, r.Leaf())
}
