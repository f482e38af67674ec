// Package ocsf writes entries of the audit log as events of the Open Cybersecurity Schema Framework, version 1.2.0.
//
// Every type of entry has a class (Classes); one that has none yet becomes a base event rather than nothing. What the class has
// no attribute for stands under "unmapped", so that an event says all that its entry does. metadata.sequence is the entry's number
// and unmapped.leaf, which is an observable too, its hash in the log's Merkle tree: by these the event is found in the evidence.
//
// Entries hold what clients and targets said. Nothing of it becomes an attribute's name, and everything is JSON in the end.
package ocsf

import (
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/recorder/audit"
)

// Version is the schema's.
const Version = "1.2.0"

// Append appends an entry as one event, in one line of JSON without a line feed. leaf is the stored entry's hash.
func Append(dst []byte, e audit.Entry, leaf tlog.Hash) ([]byte, error) {
	text, err := json.Marshal(newEvent(e, leaf))
	if err != nil {
		return nil, fmt.Errorf("write OCSF event of entry %d: %w", e.Seq, err)
	}
	return append(dst, text...), nil
}

// newEvent fills in what all classes have, and lets the entry's class fill in the rest.
func newEvent(e audit.Entry, leaf tlog.Hash) *event {
	m, ok := mappings[e.Type]
	if !ok {
		m = mapping{class: base, activity: other, name: string(e.Type)}
	}
	d := detailsOf(e.Data)
	v := &event{
		ActivityID: m.activity, ActivityName: m.name, CategoryUID: m.class.category, ClassUID: m.class.uid, ClassName: m.class.name,
		Time: e.Time.UnixMilli(), Message: message(e),
		Metadata: metadata{Version: Version, Product: product{Name: "Gatehouse", VendorName: "Gatehouse"}, UID: fmt.Sprintf("%s/%d", e.Node, e.Seq), Sequence: e.Seq,
			EventCode: string(e.Type), LogName: "audit", LogProvider: "gatehouse", LoggedTime: e.Time.UnixMilli(), CorrelationUID: first(e.Session, e.Conn)},
		Observables: []observable{{Name: "unmapped.leaf", TypeID: other, Type: "RFC 6962 leaf hash", Value: leaf.String()}},
		Unmapped: unmapped{Leaf: leaf.String(), Node: e.Node, Owner: e.Owner, Task: e.Task, Via: e.Via, Conn: e.Conn, Session: e.Session, Target: e.Target, Login: e.Login,
			Object: e.Object, Outcome: e.Outcome, Rule: e.Rule, Policy: e.Policy, Serial: e.Serial, Data: e.Data},
	}
	severity := SeverityOf(e)
	v.SeverityID, v.Severity = int(severity), severity.String()
	v.StatusID, v.Status = status(e.Outcome)
	v.StatusDetail = e.Reason
	if m.fill != nil {
		m.fill(v, e, d)
	}
	if m.class == finding {
		v.StatusID, v.Status = 1, "New" // a finding's status is not an outcome
	}
	v.TypeUID = int64(v.ClassUID)*100 + int64(v.ActivityID)
	return v
}

// message says an entry in a few words.
func message(e audit.Entry) string {
	text := string(e.Type)
	for _, p := range [...]struct{ before, value string }{{" ", e.Outcome}, {" by ", e.Actor}, {" on ", e.Target}, {": ", e.Reason}} {
		if p.value != "" {
			text += p.before + p.value
		}
	}
	return text
}

// status is how it ended, for those classes that tell of an attempt.
func status(outcome string) (int, string) {
	switch outcome {
	case "":
		return 0, "Unknown"
	case "ok", "allow", "complete", "link", "sign-out", "last-good", "moved":
		return 1, "Success"
	case "deny", "failed", "killed", "interrupted", "fault", "lost", "refused":
		return 2, "Failure"
	}
	return other, outcome
}

// details are what mappings read of an entry's data. What does not decode is not there.
type details struct {
	Source string          `json:"source"`
	Verb   string          `json:"verb"`
	What   string          `json:"what"`
	Host   string          `json:"host"`   // of a forward
	Socket string          `json:"socket"` // of a forward
	Exit   *int            `json:"exit"`
	Plan   plan            `json:"plan"`
	Final  *plan           `json:"final"`
	Lifted json.RawMessage `json:"lifted"`
}

func detailsOf(data json.RawMessage) details {
	var d details
	_ = json.Unmarshal(data, &d) // nothing is read of what has another shape
	return d
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
