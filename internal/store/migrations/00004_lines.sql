-- +goose Up
-- Lines that were typed at governed prompts, for the next prompt of the same identity, owner and login there. They go with their session's
-- recording.
CREATE TABLE lines (
    session  TEXT NOT NULL,
    n        INTEGER NOT NULL,
    identity TEXT NOT NULL,
    owner    TEXT NOT NULL,
    target   TEXT NOT NULL,
    login    TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (session, n)
) STRICT;
CREATE INDEX lines_by_place ON lines (identity, target, login, owner, session, n);
