-- +goose Up
-- One-time join tokens, by the SHA-256 of their secret. A used one stays until it expires, so that a second use is known as one.
CREATE TABLE join_tokens (
    hash    BLOB PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    agent   TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER -- NULL until then
) WITHOUT ROWID;

-- Keys that an administrator registered. A key is one agent's.
CREATE TABLE agent_keys (
    fingerprint TEXT PRIMARY KEY, -- SHA256:…
    type        TEXT NOT NULL,
    agent       TEXT NOT NULL,
    comment     TEXT NOT NULL,
    by_whom     TEXT NOT NULL,
    made        INTEGER NOT NULL
) WITHOUT ROWID;
