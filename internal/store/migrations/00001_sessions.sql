-- +goose Up
-- Times are nanoseconds since 1970 in UTC; NULL is the zero time. Text is whatever bytes the door was given.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY NOT NULL,
    connection TEXT NOT NULL,
    identity   TEXT NOT NULL,
    owner      TEXT NOT NULL,
    task       TEXT NOT NULL,
    target     TEXT NOT NULL,
    login      TEXT NOT NULL,
    source     TEXT NOT NULL,
    mode       TEXT NOT NULL,
    exactness  TEXT NOT NULL,
    pty        INTEGER NOT NULL,
    command    TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    code       TEXT NOT NULL,
    rule       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    state      TEXT NOT NULL,
    exit       INTEGER,
    signal     TEXT NOT NULL,
    remote     TEXT NOT NULL,
    started    INTEGER,
    ended_at   INTEGER,
    bytes_in   INTEGER NOT NULL,
    bytes_out  INTEGER NOT NULL,
    recording  TEXT NOT NULL
) STRICT;

-- A listing is newest first within what it filters by, and ids sort by time.
CREATE INDEX sessions_by_state ON sessions (state, id);
CREATE INDEX sessions_by_identity ON sessions (identity, id);
CREATE INDEX sessions_by_target ON sessions (target, id);
