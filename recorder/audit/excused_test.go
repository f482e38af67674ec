package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// slipIn adds an entry to the file of entries, as who has no key can.
func slipIn(t *testing.T, dir string, e Entry, data any) {
	t.Helper()
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	e.Data = body
	text, err := e.body()
	if err != nil {
		t.Fatal(err)
	}
	line := appendLine(nil, int64(len(readEntries(t, dir))), time.Now(), `"n"`, text)
	f, err := os.OpenFile(filepath.Join(dir, entriesFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		t.Fatal(err)
	}
}

// An entry that no checkpoint covers explains nothing: who has no key cannot make a missing recording look removed by a rule.
func TestUnsignedEntryExplainsNothing(t *testing.T) {
	d := newDisposing(t)
	slipIn(t, d.logDir, Entry{Type: RecDelete, Session: recSession, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
	d.remove()
	if rep := verifyRecordings(t, d.logDir, d.recDir); rep.Bad == nil || !strings.Contains(rep.Bad.What, "no signed checkpoint") || rep.Bad.Session != recSession {
		t.Errorf("%+v, %v", rep, rep.Bad)
	}
	openTest(t, d.logDir).Close() // the log signs what it finds, and says how many that were
	if rep := verifyRecordings(t, d.logDir, d.recDir); rep.Bad != nil || rep.Removed != 1 {
		t.Errorf("after a start: %+v, %v", rep, rep.Bad)
	}
}

// Nor does it end a witness' alarm.
func TestUnsignedEntryCalmsNothing(t *testing.T) {
	d := newDisposing(t)
	d.append(Entry{Type: Witnessed, Object: "w.example", Outcome: "rollback", Reason: "ROLLBACK"}, nil)
	slipIn(t, d.logDir, Entry{Type: Witnessed, Object: "w.example", Outcome: "ok"}, nil)
	if rep := verifyRecordings(t, d.logDir, d.recDir); rep.Bad == nil || !strings.Contains(rep.Bad.What, "no signed checkpoint") {
		t.Errorf("%+v, %v", rep, rep.Bad)
	}
}

// A removal while the log is verified is explained by what was signed since.
func TestSignedMeanwhile(t *testing.T) {
	d := newDisposing(t)
	rep := verifyWith(t, d, func() {
		d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
		d.remove()
	})
	if rep.Bad != nil || rep.Removed != 1 {
		t.Errorf("%+v, %v", rep, rep.Bad)
	}
}

// verifyWith verifies, and does something after the checkpoint was read and before the entries are.
func verifyWith(t *testing.T, d *disposing, do func()) Report {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(d.logDir, VerifierFile))
	if err != nil {
		t.Fatal(err)
	}
	once := false
	rep, err := Verify(t.Context(), VerifyOptions{LogDir: d.logDir, RecordingsDir: d.recDir, VerifierKey: strings.TrimSpace(string(key)), Progress: func(int64, int64) {
		if !once {
			once = true
			do()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// A second end of a recording that says otherwise does not make the removal of another file fit.
func TestClosedOtherwise(t *testing.T) {
	d := newDisposing(t)
	other := d.sum
	other.SHA256 = strings.Repeat("0", 64)
	d.remove()
	d.append(Entry{Type: RecClose, Outcome: "ok"}, other)
	d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{other.SHA256, other.Size})
	if rep := verifyRecordings(t, d.logDir, d.recDir); rep.Bad == nil {
		t.Errorf("%+v", rep)
	}
}
