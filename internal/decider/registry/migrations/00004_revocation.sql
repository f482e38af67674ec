-- +goose Up
-- Times are seconds since 1970 in UTC.

-- What is revoked, a row for each handle of a revocation. ends 0: it stands until it is lifted. noted 0: the audit log may
-- not have it yet.
CREATE TABLE revocations (
    id      TEXT NOT NULL,
    handle  TEXT NOT NULL,
    made_by TEXT NOT NULL,
    reason  TEXT NOT NULL,
    made    INTEGER NOT NULL,
    ends    INTEGER NOT NULL,
    noted   INTEGER NOT NULL,
    PRIMARY KEY (id, handle)
) WITHOUT ROWID;

-- The version of the newest exported revocation list; one row.
CREATE TABLE krl_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO krl_version VALUES (1, 0);
