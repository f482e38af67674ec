-- +goose Up

-- Who was seen to trust, or to use, which CA key: a target that accepted a certificate by it (kind target), a target that showed
-- a host certificate by it (kind host), an identity that was given a known_hosts with it (kind face). The last time counts.
CREATE TABLE trust_seen (
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at          INTEGER NOT NULL, -- nanoseconds since 1970 in UTC: two keys may be seen within a second
    PRIMARY KEY (kind, name, fingerprint)
) WITHOUT ROWID;
