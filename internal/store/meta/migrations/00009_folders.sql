-- +goose Up
-- Folders are items, and no files: what people are told counts them apart.
ALTER TABLE collection ADD COLUMN folders BIGINT NOT NULL DEFAULT 0;

UPDATE collection SET folders = (SELECT count(*) FROM item i WHERE i.tenant_id = collection.tenant_id
    AND i.account_id = collection.account_id AND i.collection_id = collection.collection_id AND i.flags >= 32)
WHERE kind = 4;
