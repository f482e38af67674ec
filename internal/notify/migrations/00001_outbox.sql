-- +goose Up
-- Times are milliseconds since 1970 in UTC.

-- How far the log was read, and what the rules remember.
CREATE TABLE place (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL, -- number of the next entry
    state  TEXT NOT NULL     -- JSON
);

CREATE TABLE alerts (
    n    INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were made
    id   TEXT NOT NULL UNIQUE,              -- "alt_…"
    made INTEGER NOT NULL,
    body TEXT NOT NULL                      -- JSON
);

-- What became of each alert at each channel.
CREATE TABLE deliveries (
    channel TEXT NOT NULL,
    alert   INTEGER NOT NULL,
    subject TEXT NOT NULL,
    rank    INTEGER NOT NULL, -- of the severity; 3 is critical
    state   TEXT NOT NULL,    -- waiting, held (for a summary), summed (in one), sent, dead
    tries   INTEGER NOT NULL,
    since   INTEGER NOT NULL, -- that it is tried
    due     INTEGER NOT NULL, -- of the next try
    done    INTEGER NOT NULL, -- 0: not yet
    why     TEXT NOT NULL,    -- the last failure
    PRIMARY KEY (channel, alert)
) WITHOUT ROWID;
CREATE INDEX deliveries_state ON deliveries (channel, state, subject, alert);
CREATE INDEX deliveries_alert ON deliveries (alert);
