-- +goose Up
-- Times are seconds since 1970 in UTC.

-- The user handle under which a person's authenticators keep their passkeys.
CREATE TABLE passkey_handles (
    person TEXT PRIMARY KEY,
    handle BLOB NOT NULL UNIQUE
) WITHOUT ROWID;

CREATE TABLE passkeys (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL,
    credential BLOB NOT NULL UNIQUE, -- the credential's id
    name       TEXT NOT NULL,
    record     TEXT NOT NULL,        -- public key, flags, transports: JSON
    sign_count INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    used       INTEGER NOT NULL      -- 0: never
) WITHOUT ROWID;
CREATE INDEX passkeys_person ON passkeys (person);
