-- +goose Up
-- Times are seconds since 1970 in UTC.

-- Requests, grants and who stands in for whom: the whole object in body, as JSON, and of it what is looked for.
CREATE TABLE access (
    id     TEXT PRIMARY KEY, -- "ar_…", "gr_…", "aw_…"
    kind   TEXT NOT NULL,    -- request, grant, away
    holder TEXT NOT NULL,    -- the principal that asked, holds or is away
    alike  TEXT NOT NULL,    -- the same for requests that are like each other; else empty
    live   INTEGER NOT NULL, -- 1: it has not ended
    ended  INTEGER NOT NULL, -- 0: not yet
    body   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_live ON access (live, kind, id);
CREATE INDEX access_kind ON access (kind, id);
CREATE INDEX access_alike ON access (alike, id) WHERE alike <> '';

-- What the door found of a command that waits: JSON.
CREATE TABLE access_previews (
    request TEXT PRIMARY KEY,
    body    TEXT NOT NULL
) WITHOUT ROWID;

-- Entries of the audit log, as JSON, about changes that are stored, and that the log may not have yet.
CREATE TABLE access_unnoted (
    change  INTEGER PRIMARY KEY AUTOINCREMENT,
    entries TEXT NOT NULL
);
