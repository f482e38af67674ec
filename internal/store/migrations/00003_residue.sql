-- +goose Up

-- What a session left on its target, as that says; empty where nobody looked.
ALTER TABLE sessions ADD COLUMN residue TEXT NOT NULL DEFAULT '';
