-- +goose Up
-- Raised whenever the tenant's list of accounts and addresses changes, so that the
-- directory address book is read anew then and not before.
ALTER TABLE tenant ADD COLUMN people BIGINT NOT NULL DEFAULT 0;
