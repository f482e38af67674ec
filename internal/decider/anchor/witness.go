package anchor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/witness"
)

func tlsConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// ask gets one witness' cosignature. A witness with another size than was thought is asked again, from there.
func (a *Anchors) ask(ctx context.Context, i int, w *asked, cp audit.Checkpoint, msg []byte) (line []byte, err error) {
	defer func() {
		if err != nil {
			a.cfg.Log.Warn("witness", "witness", w.client.Key.Name(), "error", said(err))
			a.done(i, 0, a.cfg.Now(), err)
		}
	}()
	for range 3 {
		proof, err := audit.Extension(ctx, a.cfg.LogDir, w.old, cp)
		if err != nil {
			return nil, err
		}
		line, at, err := w.client.Add(ctx, witness.Request{Old: w.old, Proof: proof, Note: msg})
		var stale *witness.StaleError
		var refused *witness.RefusedError
		switch {
		case err == nil:
			w.old = cp.Size
			a.done(i, cp.Size, at, nil)
			return line, a.calm(ctx, i, w, cp)
		case errors.As(err, &stale) && stale.Size > cp.Size:
			return nil, a.rolledBack(ctx, i, w, cp, stale.Size)
		case errors.As(err, &stale):
			w.old = stale.Size
		case errors.As(err, &refused) && (refused.Status == http.StatusUnprocessableEntity || refused.Status == http.StatusConflict):
			return nil, a.forked(ctx, i, w, cp, refused)
		default:
			return nil, err
		}
	}
	return nil, errors.New("the witness keeps changing its mind about the size that it has")
}

// rolledBack is for a witness that has cosigned more entries than the log has.
func (a *Anchors) rolledBack(ctx context.Context, i int, w *asked, cp audit.Checkpoint, size int64) error {
	text := fmt.Sprintf("ROLLBACK: witness %s has cosigned %d entries, the log has %d: an older state was put back", w.client.Key.Name(), size, cp.Size)
	return a.alarm(ctx, i, w, "rollback", text, map[string]any{"witness": size, "log": cp.Size})
}

// forked is for a witness that does not find what it cosigned in what it is shown.
func (a *Anchors) forked(ctx context.Context, i int, w *asked, cp audit.Checkpoint, why error) error {
	text := fmt.Sprintf("FORK: witness %s refuses the checkpoint of %d entries: what it cosigned (%d entries) is not its beginning: %v", w.client.Key.Name(), cp.Size, w.old, why)
	w.old = 0 // ask what it has the next time
	return a.alarm(ctx, i, w, "refused", text, map[string]any{"log": cp.Size})
}

// alarm makes it loud: a line of the operator's log each time, an entry of the audit log when its kind is new, the state for the
// page; and it keeps the witness' own checkpoint, which this log's key has signed, for audit verify to contradict the log with.
func (a *Anchors) alarm(ctx context.Context, i int, w *asked, outcome, text string, data any) error {
	a.cfg.Log.Error("AUDIT LOG CONTRADICTED", "witness", w.client.Key.Name(), "problem", text)
	a.setAlarm(i, text)
	if msg, err := a.newestOf(ctx, w); err != nil {
		a.cfg.Log.Warn("fetch the witness' checkpoint", "error", said(err))
	} else if err := audit.KeepContradiction(a.cfg.LogDir, msg); err != nil {
		a.cfg.Log.Error("keep the witness' checkpoint", "error", err)
	}
	if w.alarm != word(text) {
		if err := a.note(ctx, w, outcome, text, data); err != nil {
			return errors.Join(errors.New(text), err)
		}
		w.alarm = word(text)
		if err := audit.RaiseAlarm(a.cfg.LogDir, w.client.Key.Name(), text); err != nil {
			a.cfg.Log.Error("remember the alarm", "error", err)
		}
	}
	return errors.New(text)
}

// calm ends an alarm: the witness cosigns what the log says.
func (a *Anchors) calm(ctx context.Context, i int, w *asked, cp audit.Checkpoint) error {
	if w.alarm == "" {
		return nil
	}
	if err := a.note(ctx, w, "ok", "the witness cosigns again", map[string]any{"log": cp.Size}); err != nil {
		return err
	}
	if err := audit.EndAlarm(a.cfg.LogDir, w.client.Key.Name()); err != nil {
		return err
	}
	w.alarm = ""
	a.setAlarm(i, "")
	return nil
}

func (a *Anchors) note(ctx context.Context, w *asked, outcome, text string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return a.cfg.Append(ctx, audit.Entry{Type: audit.Witnessed, Object: w.client.Key.Name(), Outcome: outcome, Reason: text, Data: b})
}

// newestOf fetches the checkpoint that a witness has, if it serves it; nothing but this log's own signature makes it worth
// anything.
func (a *Anchors) newestOf(ctx context.Context, w *asked) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.client.URL, "/")+witness.CheckpointPath(a.key.Name()), nil)
	if err != nil {
		return nil, err
	}
	res, err := w.client.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	msg, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the witness answered %d", res.StatusCode)
	}
	_, err = audit.OpenCheckpoint(msg, a.key)
	return msg, err
}

// store keeps a checkpoint with the cosignatures that it got.
func (a *Anchors) store(msg []byte, lines [][]byte) error {
	all := bytes.Join(lines, nil)
	if len(all) == 0 {
		return nil
	}
	return audit.KeepCosigned(a.cfg.LogDir, append(bytes.Clone(msg), all...), a.cfg.Now())
}
