package audit

import (
	"strings"
	"testing"
)

// Entries that repeat themselves do not make a verification read a recording as often as they like: a few of a crash are no
// fault, very many are.
func TestRepeatedEntries(t *testing.T) {
	for _, kind := range []Type{RecClose, RecChunk, "both"} {
		for times, bad := range map[int]bool{8: false, 5000: true} {
			d := newDisposing(t)
			var chunks, group []Entry
			var closing Entry
			for _, e := range readEntries(t, d.logDir) {
				switch e.Type {
				case RecChunk:
					chunks = append(chunks, Entry{Type: e.Type, Session: e.Session, Data: e.Data})
				case RecClose:
					closing = Entry{Type: e.Type, Session: e.Session, Data: e.Data}
				}
			}
			for len(group) < times {
				switch kind {
				case RecClose:
					group = append(group, closing)
				case RecChunk:
					group = append(group, chunks[0])
				default:
					group = append(append(group, chunks...), closing)
				}
			}
			l := openTest(t, d.logDir)
			for ; len(group) > 0; group = group[min(len(group), 500):] {
				if _, err := l.Append(t.Context(), group[:min(len(group), 500)]...); err != nil {
					t.Fatal(err)
				}
			}
			l.Close()
			rep := verifyRecordings(t, d.logDir, d.recDir)
			if (rep.Bad != nil) != bad || bad && !strings.Contains(rep.Bad.What, "again and again") && !strings.Contains(rep.Bad.What, "times as many bytes") {
				t.Errorf("%s %d times: %+v, %v", kind, times, rep, rep.Bad)
			}
		}
	}
}
