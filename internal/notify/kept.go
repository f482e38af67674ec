package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/sqlite"
)

// ErrNotFound says that there is no such alert, or that the channel never had it.
var ErrNotFound = errors.New("there is no such alert at this channel")

// Filter picks alerts, newest first.
type Filter struct {
	Dead   bool   // only those that some channel never took
	Before string // an id: what is older
	Most   int
}

// Kept is an alert with what became of it.
type Kept struct {
	Alert
	Deliveries []Delivery
}

// Delivery is what became of an alert at a channel.
type Delivery struct {
	Channel string
	State   string
	Tries   int
	Due     time.Time // of the next try
	Done    time.Time
	Why     string // the last failure
}

// list returns alerts, newest first.
func (o *outbox) list(ctx context.Context, f Filter) ([]Kept, error) {
	const query = `SELECT n, body FROM alerts WHERE (?1 = '' OR n < (SELECT n FROM alerts WHERE id = ?1))
		AND (?2 = 0 OR EXISTS (SELECT 1 FROM deliveries WHERE alert = n AND state = 'dead')) ORDER BY n DESC LIMIT ?3`
	rows, err := o.db.QueryContext(ctx, query, f.Before, f.Dead, f.Most)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	var numbers []int64
	var list []Kept
	for rows.Next() {
		var n int64
		var text string
		var k Kept
		if err := errors.Join(rows.Scan(&n, &text), json.Unmarshal([]byte(text), &k.Alert)); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		numbers, list = append(numbers, n), append(list, k)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Deliveries, err = o.deliveries(ctx, numbers[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (o *outbox) deliveries(ctx context.Context, n int64) (list []Delivery, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT channel, state, tries, due, done, why FROM deliveries WHERE alert = ? ORDER BY channel`, n)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		var d Delivery
		var due, done int64
		if err := rows.Scan(&d.Channel, &d.State, &d.Tries, &due, &done, &d.Why); err != nil {
			return nil, err
		}
		if d.State == Waiting && due > 0 {
			d.Due = time.UnixMilli(due).UTC()
		}
		if done > 0 {
			d.Done = time.UnixMilli(done).UTC()
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// again makes alerts wait once more: one at a channel, or where id is empty all of its dead letters. n is how many.
func (o *outbox) again(ctx context.Context, now time.Time, channel, id string) (n int64, err error) {
	err = o.change(ctx, func(tx *sql.Tx) error {
		did, err := tx.Exec(`UPDATE deliveries SET state = 'waiting', tries = 0, since = ?1, due = 0, done = 0 WHERE channel = ?2 AND
			(?3 = '' AND state = 'dead' OR ?3 <> '' AND state <> 'waiting' AND alert = (SELECT n FROM alerts WHERE id = ?3))`, now.UnixMilli(), channel, id)
		if err != nil {
			return err
		}
		n, err = did.RowsAffected()
		return err
	})
	return n, err
}

// resolve returns the whole id of an alert by its beginning.
func (o *outbox) resolve(ctx context.Context, beginning string) (id string, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT id FROM alerts WHERE id >= ? AND id < ? LIMIT 2`, beginning, beginning+"\x7f")
	if err != nil {
		return "", fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		if id != "" {
			return "", fmt.Errorf("%q is the beginning of more than one alert's id", beginning)
		}
		if err := rows.Scan(&id); err != nil {
			return "", err
		}
	}
	if id == "" && rows.Err() == nil {
		return "", ErrNotFound
	}
	return id, rows.Err()
}

// forget drops what is old or too many, and what waits for channels that there are no more.
func (o *outbox) forget(ctx context.Context, now time.Time, channels []string) error {
	names, err := json.Marshal(channels)
	if err != nil {
		return err
	}
	return o.change(ctx, func(tx *sql.Tx) error {
		for _, step := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM deliveries WHERE channel NOT IN (SELECT value FROM json_each(?))`, []any{string(names)}},
			{`DELETE FROM alerts WHERE made < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE alert = n AND state IN ('waiting', 'held'))`, []any{now.Add(-keepFor).UnixMilli()}},
			{`DELETE FROM alerts WHERE n <= (SELECT max(n) FROM alerts) - ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE alert = n AND state IN ('waiting', 'held'))`, []any{maxAlerts}},
			{`DELETE FROM deliveries WHERE alert NOT IN (SELECT n FROM alerts)`, nil},
		} {
			if _, err := tx.Exec(step.query, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// counts are how many alerts are in each state at a channel.
func (o *outbox) counts(ctx context.Context, channel string) (map[string]int64, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT state, count(*) FROM deliveries WHERE channel = ? GROUP BY state`, channel)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	defer rows.Close()
	counts := map[string]int64{}
	for rows.Next() {
		var state string
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		counts[state] = n
	}
	return counts, rows.Err()
}
