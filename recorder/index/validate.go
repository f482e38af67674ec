package index

import (
	"encoding/hex"
	"errors"

	"gatehouse/recorder"
)

// validate checks what was read from a file: every number that something is read, sought or allocated by.
func (x *Index) validate() error {
	_, err := hex.DecodeString(x.SHA256)
	switch {
	case err != nil:
		return err
	case len(x.Keyframes) > maxKeyframes || len(x.Pauses) > maxPauses || len(x.head.Events) > maxEvents || len(x.Hits) > maxHits ||
		len(x.head.Activity) > maxBuckets || len(x.head.Notes) > maxNotes:
		return errors.New("too much of something")
	case x.Size < 0 || x.Count < 0 || x.Shown < 0 || x.Last < x.Shown || x.Last > maxMicros || x.Output < 0 || x.Bucket <= 0 || x.Bucket > maxMicros || x.Least < 0:
		return errors.New("a number out of range")
	}
	return errors.Join(x.validKeyframes(), x.validPauses(), x.validHits(), x.validEvents())
}

// maxMicros keeps times far from where their sums would not fit.
const maxMicros = int64(1) << 52

func (x *Index) validKeyframes() error {
	last := int64(-1)
	for _, k := range x.Keyframes {
		if k.At <= last || k.At > x.Shown || k.Frame < 0 || k.Frame > x.Size || k.Event < 0 || !validSize(k.Cols, k.Rows) {
			return errors.New("a keyframe out of place")
		}
		last = k.At
	}
	return nil
}

func (x *Index) validPauses() error {
	last := int64(0)
	for _, p := range x.Pauses {
		if p[1] < 0 || p[0]-p[1] < last || p[0] > x.Last {
			return errors.New("a pause out of place")
		}
		last = p[0]
	}
	return nil
}

func (x *Index) validHits() error {
	last := 0
	for i, h := range x.Hits {
		rest := h.To == -1 && i == len(x.Hits)-1 // everything from there on
		if h.Event < last || h.From < 0 || h.To < h.From && !rest {
			return errors.New("a secret out of place")
		}
		last = h.Event
	}
	return nil
}

func (x *Index) validEvents() error {
	last := int64(0)
	for _, e := range x.head.Events {
		if e.At < last || e.At > x.Last || len(e.Data) > recorder.MaxEvent {
			return errors.New("an event out of place")
		}
		last = e.At
	}
	return nil
}
