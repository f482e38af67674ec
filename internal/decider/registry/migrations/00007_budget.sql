-- +goose Up
-- What was spent of budgets: one row for each task or day of a principal, the counts as JSON.
CREATE TABLE budgets (
    principal TEXT NOT NULL,
    task      TEXT NOT NULL,
    day       TEXT NOT NULL, -- "2026-11-28" in UTC; empty: the row is of a task
    body      TEXT NOT NULL,
    PRIMARY KEY (principal, task, day)
) WITHOUT ROWID;
