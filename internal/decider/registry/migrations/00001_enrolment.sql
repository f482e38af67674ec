-- +goose Up
-- Times are seconds since 1970 in UTC.

-- Token ids that a certificate was issued for. A row may go when the token has expired.
CREATE TABLE used_tokens (
    issuer  TEXT NOT NULL,
    id      TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) WITHOUT ROWID;
CREATE INDEX used_tokens_expires ON used_tokens (expires);
