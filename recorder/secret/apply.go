package secret

import (
	"bytes"
	"encoding/json"
	"sort"
)

// Hit is one secret, or the part of it that one event holds: bytes From to To of the data of event number Event, counted from
// 0 over all events of the recording. In the last hit of a recording with too many of them To is -1: everything from that
// event on counts as secret.
type Hit struct {
	Event, From, To int
	Rule            string
}

// Apply returns the data of event n with what hits names replaced by as many asterisks; data itself if that changes nothing.
// hits are in the order of their events, as Scan returns them. JSON stays JSON.
func Apply(hits []Hit, n int, data []byte) []byte {
	if last := len(hits) - 1; last >= 0 && hits[last].To < 0 && n >= hits[last].Event {
		return all(data)
	}
	first := sort.Search(len(hits), func(i int) bool { return hits[i].Event >= n })
	out := data
	for _, h := range hits[first:] {
		if h.Event != n {
			break
		}
		from, to := max(0, h.From), min(h.To, len(data))
		if from >= to {
			continue
		}
		if &out[0] == &data[0] {
			out = bytes.Clone(data)
		}
		stars(out[from:to])
	}
	return out
}

func stars(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

// all masks whatever can be read of an event: the strings of JSON, else every character that is no control character.
func all(data []byte) []byte {
	out := bytes.Clone(data)
	if len(data) > 0 && data[0] == '{' && json.Valid(data) {
		for _, s := range jsonStrings(data) {
			if !s.name {
				stars(out[s.from:s.to])
			}
		}
		return out
	}
	var e escape
	for i, c := range out {
		if e.state != ground || c == 0x1b {
			e.next(c)
		} else if c > ' ' && c != 0x7f {
			out[i] = '*'
		}
	}
	return out
}
