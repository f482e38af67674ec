package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"gatehouse/recorder"
)

// A session whose recording was removed by an entry is still proven; without that entry the recording is missed.
func TestProveRemoved(t *testing.T) {
	logDir, recDir := provableOf(t, 20)
	key := verifierKey(t, logDir)
	path, err := recorder.Path(recDir, recSession)
	if err != nil {
		t.Fatal(err)
	}
	before := unpack(t, proveTest(t, logDir, recDir, nil))
	rep, err := VerifyBundle(t.Context(), bytes.NewReader(pack(t, before[:len(before)-1])), BundleOptions{VerifierKey: key})
	if err != nil || rep.Bad == nil {
		t.Errorf("a recording that nobody removed is not missed: %+v, %v", rep, err)
	}
	hash := sha256.Sum256(mustRead(t, path))
	sum := hex.EncodeToString(hash[:])
	l := openTest(t, logDir)
	mustAppend(t, l, Entry{Type: RecDelete, Session: recSession, Outcome: "ok", Reason: "older than 400 days", Data: []byte(`{"sha256":"` + sum + `","size":1}`)})
	l.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rep, err = VerifyBundle(t.Context(), bytes.NewReader(proveTest(t, logDir, recDir, nil)), BundleOptions{VerifierKey: key})
	if err != nil || rep.Bad != nil || !rep.Removed || rep.Recorded {
		t.Errorf("%+v, %v, %v", rep, rep.Bad, err)
	}
}
