package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// MaxPasskeys is how many passkeys a person may have.
const MaxPasskeys = 10

// maxPeople bounds the people who have a handle.
const maxPeople = 100_000

// Passkey is a person's registered authenticator.
type Passkey struct {
	ID         string
	Person     string
	Handle     []byte // the person's user handle
	Credential []byte // the credential's id
	Name       string
	Record     []byte // JSON of the caller: public key, flags
	SignCount  uint32
	Created    time.Time
	Used       time.Time // zero: never
}

// PasskeyHandle returns a person's user handle; fresh is stored if there is none yet.
func (r *Registry) PasskeyHandle(ctx context.Context, person string, fresh []byte) (handle []byte, err error) {
	err = r.change(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT handle FROM passkey_handles WHERE person = ?", person).Scan(&handle)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM passkey_handles").Scan(&n); err != nil {
			return fmt.Errorf("count handles: %w", err)
		}
		if n >= maxPeople {
			return ErrFull
		}
		handle = fresh
		_, err = tx.ExecContext(ctx, "INSERT INTO passkey_handles VALUES (?, ?)", person, fresh)
		return err
	})
	return handle, err
}

// AddPasskey registers one: ErrUsed if its credential is registered already, for whomever; ErrFull when the person has
// MaxPasskeys. Handle is ignored.
func (r *Registry) AddPasskey(ctx context.Context, p Passkey) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM passkeys WHERE person = ?", p.Person).Scan(&n); err != nil {
			return fmt.Errorf("count passkeys: %w", err)
		}
		if n >= MaxPasskeys {
			return ErrFull
		}
		res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO passkeys VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
			p.ID, p.Person, p.Credential, p.Name, string(p.Record), p.SignCount, p.Created.Unix())
		if err != nil {
			return fmt.Errorf("add passkey: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("%w: this passkey is registered", ErrUsed)
		}
		return nil
	})
}

const passkeyQuery = `SELECT p.id, p.person, h.handle, p.credential, p.name, p.record, p.sign_count, p.created, p.used
	FROM passkeys p JOIN passkey_handles h ON h.person = p.person `

// Passkeys returns a person's passkeys, the oldest first.
func (r *Registry) Passkeys(ctx context.Context, person string) ([]Passkey, error) {
	rows, err := r.db.QueryContext(ctx, passkeyQuery+"WHERE p.person = ? ORDER BY p.created, p.id", person)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	defer rows.Close()
	var list []Passkey
	for rows.Next() {
		p, err := scanPasskey(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// PasskeyByCredential returns the passkey with that credential id; ErrNotFound if there is none.
func (r *Registry) PasskeyByCredential(ctx context.Context, credential []byte) (Passkey, error) {
	return scanPasskey(r.db.QueryRowContext(ctx, passkeyQuery+"WHERE p.credential = ?", credential).Scan)
}

func scanPasskey(scan func(...any) error) (Passkey, error) {
	var p Passkey
	var record string
	var created, used int64
	err := scan(&p.ID, &p.Person, &p.Handle, &p.Credential, &p.Name, &record, &p.SignCount, &created, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("passkey: %w", ErrNotFound)
	}
	if err != nil {
		return p, fmt.Errorf("read passkey: %w", err)
	}
	p.Record, p.Created = []byte(record), time.Unix(created, 0).UTC()
	if used > 0 {
		p.Used = time.Unix(used, 0).UTC()
	}
	return p, nil
}

// UsePasskey notes a sign-in with the counter that came with it: ErrUsed unless that is higher than the one before, or both are
// zero, which is how authenticators without a counter count.
func (r *Registry) UsePasskey(ctx context.Context, id string, count uint32, record []byte, now time.Time) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, "UPDATE passkeys SET sign_count = ?1, record = ?2, used = ?3 WHERE id = ?4 AND (sign_count < ?1 OR sign_count = 0 AND ?1 = 0)",
			count, string(record), now.Unix(), id))(ErrUsed)
	})
}

// NamePasskey gives one of a person's passkeys another name; ErrNotFound if the person has none with that id.
func (r *Registry) NamePasskey(ctx context.Context, person, id, name string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, "UPDATE passkeys SET name = ? WHERE id = ? AND person = ?", name, id, person))(ErrNotFound)
	})
}

// RemovePasskey removes one of a person's passkeys; ErrNotFound if the person has none with that id.
func (r *Registry) RemovePasskey(ctx context.Context, person, id string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, "DELETE FROM passkeys WHERE id = ? AND person = ?", id, person))(ErrNotFound)
	})
}

// RemovePasskeys removes all of a person's passkeys and the handle.
func (r *Registry) RemovePasskeys(ctx context.Context, person string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM passkeys WHERE person = ?", person); err != nil {
			return fmt.Errorf("remove passkeys: %w", err)
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM passkey_handles WHERE person = ?", person)
		return err
	})
}

// one turns a statement's result into nil if it changed exactly one row, else into an error of the caller's.
func one(res sql.Result, err error) func(otherwise error) error {
	return func(otherwise error) error {
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		if n != 1 {
			return otherwise
		}
		return nil
	}
}
