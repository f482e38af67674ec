package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/recorder/audit"
)

// checkActor is whom certificates of `targets check` name.
const checkActor = "agent:gatehouse-check"

// ReadIssued reads the target certificates that a log speaks of, from a time on. Every entry that it believes is covered by the
// newest checkpoint of the log, signed by the key.
func ReadIssued(ctx context.Context, logDir, verifierKey string, from time.Time) ([]Issued, error) {
	var out []Issued
	mark := []byte(`"type":"cert.issue"`)
	_, err := audit.Scan(ctx, logDir, verifierKey, func(line []byte) error {
		if !bytes.Contains(line, mark) {
			return nil
		}
		e, err := audit.Parse(line)
		if err != nil {
			return err
		}
		var d struct {
			CA       string    `json:"ca"`
			Key      string    `json:"key"`
			NotAfter time.Time `json:"not_after"`
		}
		if e.Type != audit.CertIssue || json.Unmarshal(e.Data, &d) != nil || d.CA != "target" || e.Time.Before(from) {
			return nil
		}
		if len(out) == maxIssued {
			return fmt.Errorf("more than %d certificates: take a shorter time", maxIssued)
		}
		out = append(out, Issued{Seq: e.Seq, Time: e.Time, NotAfter: d.NotAfter, Target: e.Target, Login: e.Login, Serial: e.Serial, KeyID: e.Object,
			Key: d.Key, Session: e.Session, Check: e.Actor == checkActor})
		return nil
	})
	return out, err
}
