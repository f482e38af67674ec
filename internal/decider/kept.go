package decider

import (
	"context"
	"fmt"
	"sync"

	"gatehouse/recorder/audit"
)

// maxKept bounds the entries that wait for the audit log. What is beyond is counted, and the count is noted.
const maxKept = 1000

// keptEntries are those of what must not wait for the audit log: stopping, and what leads to it.
type keptEntries struct {
	mu   sync.Mutex
	list []audit.Entry
	lost int
}

// noteAlways puts entries into the audit log, or keeps them until it takes them. Only what stops something, and what leads there, is
// noted so: everything else does not happen when it cannot be noted.
func (d *Decider) noteAlways(ctx context.Context, entries ...audit.Entry) (noted bool) {
	if d.noteKept(ctx) && d.append(ctx, entries...) == nil {
		return true
	}
	now := d.cfg.Now().UTC()
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	for _, e := range entries {
		if len(d.kept.list) >= maxKept {
			d.kept.lost++
			continue
		}
		e.Reason = cut(e.Reason, maxText)
		d.kept.list = append(d.kept.list, keptAt(e, now.Format(keptTime)))
	}
	d.cfg.Log.Error("AUDIT LOG CANNOT BE WRITTEN, entries are kept in memory", "kept", len(d.kept.list), "lost", d.kept.lost)
	return false
}

const keptTime = "2006-01-02T15:04:05.000Z"

// keptAt says in an entry when it happened, as the log's own time will be later.
func keptAt(e audit.Entry, at string) audit.Entry {
	if len(e.Data) == 0 {
		e.Data = data(map[string]any{"kept_since": at})
	} else if text := string(e.Data); len(text) > 2 && text[0] == '{' {
		e.Data = []byte(fmt.Sprintf(`{"kept_since":%q,%s`, at, text[1:]))
	}
	return e
}

// noteKept writes what is kept, and reports whether nothing is left.
func (d *Decider) noteKept(ctx context.Context) (empty bool) {
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	if len(d.kept.list) == 0 {
		return true
	}
	entries := d.kept.list
	if d.kept.lost > 0 {
		entries = append(entries[:len(entries):len(entries)], audit.Entry{Type: audit.Kill, Outcome: "lost", Reason: fmt.Sprintf("%d entries about stopping were lost while the audit log could not be written", d.kept.lost)})
	}
	if d.append(ctx, entries...) != nil {
		return false
	}
	d.kept.list, d.kept.lost = nil, 0
	return true
}
