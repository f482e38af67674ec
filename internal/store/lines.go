package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// The bounds of the lines that are kept of one place: an identity, its owner, a target and a login.
const (
	MaxLines     = 500
	MaxLineBytes = 64 << 10 // of all of them
)

// PutLines keeps the lines of a session's prompt, oldest first, and forgets what is older at its place than the bounds allow. It is durable when
// it returns.
func (s *SQLite) PutLines(ctx context.Context, session Session, lines []string) error {
	lines = Newest(lines)
	return s.submit(ctx, func(tx *sql.Tx) error {
		var gone int // a recording that was removed meanwhile takes its lines with it
		if err := tx.QueryRow("SELECT count(*) FROM fates WHERE session = ?", session.ID).Scan(&gone); err != nil || gone > 0 {
			return err
		}
		for n, text := range lines {
			_, err := tx.Exec("INSERT OR REPLACE INTO lines (session, n, identity, owner, target, login, text) VALUES (?,?,?,?,?,?,?)",
				session.ID, n, session.Identity, session.Owner, session.Target, session.Login, text)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM lines WHERE (session, n) IN (
			SELECT session, n FROM (
				SELECT session, n, row_number() OVER later AS lines, sum(length(CAST(text AS BLOB))) OVER later AS bytes FROM lines
				WHERE identity = ? AND owner = ? AND target = ? AND login = ?
				WINDOW later AS (ORDER BY session DESC, n DESC ROWS UNBOUNDED PRECEDING))
			WHERE lines > ? OR bytes > ?)`, session.Identity, session.Owner, session.Target, session.Login, MaxLines, MaxLineBytes)
		return err
	})
}

// Newest are those lines at the end that the bounds allow.
func Newest(lines []string) []string {
	lines = lines[max(0, len(lines)-MaxLines):]
	bytes := 0
	for i, text := range slices.Backward(lines) {
		if bytes += len(text); bytes > MaxLineBytes {
			return lines[i+1:]
		}
	}
	return lines
}

// Lines are those of earlier prompts at a session's place, oldest first.
func (s *SQLite) Lines(ctx context.Context, session Session) (_ []string, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT text FROM lines WHERE identity = ? AND owner = ? AND target = ? AND login = ? ORDER BY session DESC, n DESC LIMIT ?",
		session.Identity, session.Owner, session.Target, session.Login, MaxLines)
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read lines: %w", err)
		}
		out = append(out, text)
	}
	slices.Reverse(out)
	return out, rows.Err()
}
