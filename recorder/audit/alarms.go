package audit

// maxAlarms bounds the witnesses whose word is followed.
const maxAlarms = 64

// alarms are the witnesses that, by the log's own entries, contradict it and have not cosigned since.
type alarms struct {
	open   map[string]*Bad
	calmed *excuse // the newest that ended
}

// witnessMark is the rest of a line whose type is Witnessed, from the type on.
var witnessMark = []byte(`witness"`)

// entry looks at one stored entry of that type.
func (a *alarms) entry(seq int64, line []byte) {
	e, err := Parse(line)
	if err != nil || e.Type != Witnessed {
		return
	}
	if e.Outcome == "ok" {
		if b := a.open[e.Object]; b != nil {
			a.calmed = &excuse{seq, *b}
		}
		delete(a.open, e.Object)
		return
	}
	if a.open == nil {
		a.open = map[string]*Bad{}
	}
	if a.open[e.Object] == nil && len(a.open) < maxAlarms {
		a.open[e.Object] = &Bad{Entry: seq, Last: seq, Time: e.Time, Chunk: -1, What: "a witness contradicts the log: " + e.Reason}
	}
}

// standing is the first alarm that has not ended.
func (a *alarms) standing() (first *Bad) {
	for _, b := range a.open {
		if first == nil || b.Entry < first.Entry {
			first = b
		}
	}
	return first
}
