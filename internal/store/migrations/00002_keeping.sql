-- +goose Up
-- Legal holds: while one stands, no recording that it is about is removed. Empty text and NULL times do not narrow.
CREATE TABLE holds (
    id        TEXT PRIMARY KEY NOT NULL,
    session   TEXT NOT NULL,
    identity  TEXT NOT NULL,
    target    TEXT NOT NULL,
    since     INTEGER,
    until     INTEGER,
    reason    TEXT NOT NULL,
    made_by   TEXT NOT NULL,
    made_at   INTEGER NOT NULL,
    lifted_by TEXT NOT NULL DEFAULT '',
    lifted_at INTEGER
) STRICT;

-- What became of recordings: removed by a rule ("deleted"), or their keys destroyed ("shredded"). A row is written when the
-- audit log has it, and done when the bytes are gone.
CREATE TABLE fates (
    session TEXT PRIMARY KEY NOT NULL,
    kind    TEXT NOT NULL,
    why     TEXT NOT NULL,
    by      TEXT NOT NULL,
    at      INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    done    INTEGER NOT NULL
) STRICT;
CREATE INDEX fates_undone ON fates (session) WHERE done = 0;
