package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Every block has a number, the row id of FTS5, such that falling numbers are newer sessions first, and within a session the
// earlier block first:
//
//	milliseconds since the month began (32 bits) | which of the sessions of that millisecond (9) | blocks still to come (22)
//
// Its key in the table of blocks has the last 22 bits the other way round, so that a session's blocks are added at rising keys:
// at falling ones SQLite leaves its pages half empty.
const (
	blockBits = 22
	twinBits  = 9
	blocks    = 1 << blockBits // of one session and kind
)

// base is the lowest number of the session that a block's number belongs to.
func base(number int64) int64 { return number &^ (blocks - 1) }

// turned makes a block's key of its number, and back; turnedSQL makes the key of w.rowid.
func turned(number int64) int64 { return number ^ (blocks - 1) }

const (
	turnedLast = "4194303" // blocks - 1
	turnedSQL  = "((w.rowid | " + turnedLast + ") - (w.rowid & " + turnedLast + "))"
)

// place is where a session's rows are: the month's name, and the first base that the session may have.
type place struct {
	month string
	first int64
}

const monthLayout = "2006-01"

// placeOf reads a session's place in its id, "ses_" and a ULID.
func placeOf(session string) (place, error) {
	text, ok := strings.CutPrefix(session, "ses_")
	id, err := ulid.ParseStrict(text)
	if !ok || err != nil || id.String() != text {
		return place{}, fmt.Errorf("search: %.80q is not a session id", session)
	}
	at := ulid.Time(id.Time()).UTC()
	begin := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return place{at.Format(monthLayout), at.Sub(begin).Milliseconds() << (twinBits + blockBits)}, nil
}

// free returns a base that no session of that millisecond has.
func free(ctx context.Context, tx *sql.Tx, first int64) (int64, error) {
	for twin := range int64(1 << twinBits) {
		b := first + twin<<blockBits
		var have int64
		err := tx.QueryRowContext(ctx, "SELECT base FROM sessions WHERE base = ?", b).Scan(&have)
		if errors.Is(err, sql.ErrNoRows) {
			return b, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, errors.New("too many sessions in one millisecond")
}
