package notify

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// What became of an alert at a channel.
const (
	Waiting = "waiting"
	Held    = "held"   // there were too many within an hour: a summary will count it
	Summed  = "summed" // a summary counted it
	Sent    = "sent"
	Dead    = "dead" // no receiver took it
)

// outbox keeps alerts until they are delivered, and a while longer. What it returns from is durable. Safe for concurrent use.
type outbox struct{ db *sql.DB }

// openOutbox opens or makes the file.
func openOutbox(ctx context.Context, path string) (*outbox, error) {
	if err := sqlite.Create(path); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	db := sqlite.Pool(path, "_txlock", "immediate")
	db.SetMaxOpenConns(1)
	if err := sqlite.Migrate(ctx, db, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox %s: %w", path, sqlite.Explain(err)), db.Close())
	}
	return &outbox{db}, nil
}

func (o *outbox) close() error { return o.db.Close() }

// change runs f in one durable transaction.
func (o *outbox) change(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	return nil
}

// place is where the reading of the log stands. ok is false in a new file.
func (o *outbox) place(ctx context.Context) (cursor int64, s state, ok bool, err error) {
	var text string
	err = o.db.QueryRowContext(ctx, `SELECT cursor, state FROM place`).Scan(&cursor, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, state{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if err != nil {
		err = fmt.Errorf("outbox: %w", err)
	}
	return cursor, s, true, err
}

// save makes alerts, their deliveries and the place in the log true together.
func (o *outbox) save(ctx context.Context, now time.Time, cursor int64, s state, alerts []Alert, channels []config.AlertChannel) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return o.change(ctx, func(tx *sql.Tx) error {
		for _, a := range alerts {
			if err := insert(tx, now, a, channels); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO place (one, cursor, state) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET cursor = excluded.cursor, state = excluded.state`, cursor, string(text))
		return err
	})
}

// insert keeps an alert for the channels that want it. Where a channel has too many waiting already, it is a dead letter there at once.
func insert(tx *sql.Tx, now time.Time, a Alert, channels []config.AlertChannel) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	made, err := tx.Exec(`INSERT INTO alerts (id, made, body) VALUES (?, ?, ?)`, a.ID, now.UnixMilli(), string(text))
	if err != nil {
		return err
	}
	n, err := made.LastInsertId()
	if err != nil {
		return err
	}
	for i := range channels {
		c := &channels[i]
		if !wants(c, a) {
			continue
		}
		var waiting int
		if err := tx.QueryRow(`SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE channel = ? AND state = 'waiting' LIMIT ?)`, c.Name, maxWaiting).Scan(&waiting); err != nil {
			return err
		}
		state, why := Waiting, ""
		if waiting >= maxWaiting && a.Severity != Critical {
			state, why = Dead, fmt.Sprintf("%d alerts waited for this channel already", waiting)
		}
		_, err = tx.Exec(`INSERT INTO deliveries (channel, alert, subject, rank, state, tries, since, due, done, why) VALUES (?, ?, ?, ?, ?, 0, ?, 0, 0, ?)`,
			c.Name, n, a.Subject, a.Severity.rank(), state, now.UnixMilli(), why)
		if err != nil {
			return err
		}
	}
	return nil
}

// delivery is an alert on its way to a channel.
type delivery struct {
	n     int64
	alert Alert
	tries int
	since time.Time
}

// next returns what is due at a channel: the most severe first, of one subject the oldest alone. Without one, wait is how long there is
// none; 0: until somebody says so.
func (o *outbox) next(ctx context.Context, now time.Time, channel string, onlyCritical bool) (d delivery, ok bool, wait time.Duration, err error) {
	least := 0
	if onlyCritical {
		least = Critical.rank()
	}
	const first = `FROM deliveries d WHERE d.channel = ?1 AND d.state = 'waiting' AND d.rank >= ?2
		AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.channel = ?1 AND e.state = 'waiting' AND e.subject = d.subject AND e.alert < d.alert)`
	var text string
	var since int64
	err = o.db.QueryRowContext(ctx, `SELECT d.alert, d.tries, d.since, (SELECT body FROM alerts WHERE n = d.alert) `+first+` AND d.due <= ?3 ORDER BY d.rank DESC, d.alert LIMIT 1`,
		channel, least, now.UnixMilli()).Scan(&d.n, &d.tries, &since, &text)
	if err == nil {
		d.since = time.UnixMilli(since)
		return d, true, 0, json.Unmarshal([]byte(text), &d.alert)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return d, false, 0, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	var due sql.NullInt64
	if err := o.db.QueryRowContext(ctx, `SELECT min(d.due) `+first, channel, least).Scan(&due); err != nil {
		return d, false, 0, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	if due.Valid {
		wait = max(time.Millisecond, time.UnixMilli(due.Int64).Sub(now))
	}
	return d, false, wait, nil
}

// settle notes what became of a delivery.
func (o *outbox) settle(ctx context.Context, channel string, d delivery, state string, due, done time.Time, why string) error {
	return o.change(ctx, func(tx *sql.Tx) error {
		ended := int64(0)
		if !done.IsZero() {
			ended = done.UnixMilli()
		}
		_, err := tx.Exec(`UPDATE deliveries SET state = ?, tries = ?, due = ?, done = ?, why = ? WHERE channel = ? AND alert = ? AND state = 'waiting'`,
			state, d.tries, due.UnixMilli(), ended, why, channel, d.n)
		return err
	})
}

// sentSince counts what a channel was sent that is not critical, after a time.
func (o *outbox) sentSince(ctx context.Context, channel string, start time.Time) (n int, oldest time.Time, err error) {
	var first sql.NullInt64
	err = o.db.QueryRowContext(ctx, `SELECT count(*), min(done) FROM deliveries WHERE channel = ? AND state = 'sent' AND rank < ? AND done > ?`, channel, Critical.rank(), start.UnixMilli()).Scan(&n, &first)
	if err != nil {
		err = fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	return n, time.UnixMilli(first.Int64), err
}

// hold sets aside everything that waits for a channel, has not been tried, and is not critical; and counts what is set aside in all.
func (o *outbox) hold(ctx context.Context, channel string) (held int, err error) {
	err = o.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE deliveries SET state = 'held' WHERE channel = ? AND state = 'waiting' AND rank < ? AND tries = 0`, channel, Critical.rank()); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT count(*) FROM deliveries WHERE channel = ? AND state = 'held'`, channel).Scan(&held)
	})
	return held, err
}

// heldKinds counts what is set aside, by kind.
func (o *outbox) heldKinds(ctx context.Context, channel string) (map[string]int64, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT json_extract(a.body, '$.kind'), count(*) FROM deliveries d JOIN alerts a ON a.n = d.alert WHERE d.channel = ? AND d.state = 'held' GROUP BY 1`, channel)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", sqlite.Explain(err))
	}
	defer rows.Close()
	kinds := map[string]int64{}
	for rows.Next() {
		var kind string
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, err
		}
		kinds[kind] = n
	}
	return kinds, rows.Err()
}

// sum puts what is set aside into one alert to that channel alone.
func (o *outbox) sum(ctx context.Context, now time.Time, a Alert, c config.AlertChannel) error {
	c.MinSeverity, c.Kinds = string(Info), nil
	return o.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE deliveries SET state = 'summed', done = ? WHERE channel = ? AND state = 'held'`, now.UnixMilli(), c.Name); err != nil {
			return err
		}
		return insert(tx, now, a, []config.AlertChannel{c})
	})
}
