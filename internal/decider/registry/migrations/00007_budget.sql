-- +goose Up

-- What identities with a budget have used up of it: JSON.
CREATE TABLE budgets (
    key  TEXT PRIMARY KEY, -- the principal, and the task or day
    body TEXT NOT NULL
) WITHOUT ROWID;
