-- +goose Up
-- Whose an object was that waits for its deletion, and how large, so that a report can
-- tell of it. Of those of before neither is known: account 0.
ALTER TABLE content_delete ADD COLUMN account_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE content_delete ADD COLUMN size BIGINT NOT NULL DEFAULT 0; -- before sealing
