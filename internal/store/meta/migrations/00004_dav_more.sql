-- +goose Up
-- What named resources and properties take of the quota besides their content: 512
-- bytes an item (of all but mailboxes), and a property its name, its sealed value and
-- 128 bytes.
ALTER TABLE collection ADD COLUMN property_bytes BIGINT NOT NULL DEFAULT 0;

UPDATE collection SET property_bytes = (SELECT coalesce(sum(128 + length(p.space) + length(p.local) + length(p.sealed)), 0)
    FROM property p WHERE p.tenant_id = collection.tenant_id AND p.account_id = collection.account_id
    AND p.collection_id = collection.collection_id)
WHERE kind <> 1;

UPDATE account SET used_bytes = (SELECT coalesce(sum(c.bytes + c.property_bytes + CASE WHEN c.kind = 1 THEN 0 ELSE 512 * c.items END), 0)
    FROM collection c WHERE c.tenant_id = account.tenant_id AND c.account_id = account.account_id AND c.state = 0);
