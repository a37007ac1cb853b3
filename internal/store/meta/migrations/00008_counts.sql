-- +goose Up
-- Where contents lie, counted by the transactions that write items: so it can be told
-- without looking at any. What was there before is counted in the background.
ALTER TABLE item ADD COLUMN stored SMALLINT NOT NULL DEFAULT -1; -- 0 in the database, 1 as an object, -1 not counted yet
CREATE INDEX item_uncounted ON item (tenant_id, account_id, collection_id, uid) WHERE stored < 0;

ALTER TABLE collection ADD COLUMN object_items BIGINT NOT NULL DEFAULT 0; -- of its items those with stored = 1
ALTER TABLE collection ADD COLUMN object_bytes BIGINT NOT NULL DEFAULT 0;
