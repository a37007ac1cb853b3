-- +goose Up
-- Named resources: calendars, address books and drives over WebDAV.

-- A keyed hash of a named item's content, 16 bytes: what its ETag is made of. Null
-- for messages and folders.
ALTER TABLE item ADD COLUMN digest BYTEA;

CREATE UNIQUE INDEX item_named ON item (tenant_id, account_id, collection_id, item_id) WHERE name <> '';

-- Properties of resources and collections (RFC 4918 section 4); the value is sealed.
CREATE TABLE property (
    tenant_id     BIGINT NOT NULL,
    account_id    BIGINT NOT NULL,
    collection_id BIGINT NOT NULL,
    item_id       BIGINT NOT NULL, -- 0: of the collection itself
    space         TEXT   COLLATE "C" NOT NULL, -- XML namespace
    local         TEXT   COLLATE "C" NOT NULL,
    sealed        BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, account_id, collection_id, item_id, space, local),
    FOREIGN KEY (tenant_id, account_id, collection_id) REFERENCES collection
) /*rowless*/;

-- Write locks (RFC 4918 section 6). Expired ones count no more and go by and by.
CREATE TABLE dav_lock (
    tenant_id     BIGINT   NOT NULL,
    account_id    BIGINT   NOT NULL,
    collection_id BIGINT   NOT NULL,
    token         TEXT     COLLATE "C" NOT NULL,
    item_id       BIGINT   NOT NULL, -- 0: the collection itself
    infinite      SMALLINT NOT NULL, -- Depth: infinity
    shared        SMALLINT NOT NULL,
    person_id     BIGINT   NOT NULL, -- who took it out
    timeout       BIGINT   NOT NULL, -- as granted, microseconds
    expires_at    BIGINT   NOT NULL,
    sealed        BYTEA    NOT NULL, -- the owner element
    PRIMARY KEY (tenant_id, account_id, collection_id, token),
    FOREIGN KEY (tenant_id, account_id, collection_id) REFERENCES collection
) /*rowless*/;
CREATE INDEX dav_lock_expires ON dav_lock (expires_at);

-- How a calendar object or a card is found without opening it. Components, and the
-- times between which every instance lies, are plain.
CREATE TABLE resource_index (
    tenant_id     BIGINT   NOT NULL,
    account_id    BIGINT   NOT NULL,
    collection_id BIGINT   NOT NULL,
    uid           BIGINT   NOT NULL, -- of the item
    uid_hash      BYTEA    NOT NULL, -- keyed hash of the iCalendar or vCard UID, 16 bytes
    components    BIGINT   NOT NULL, -- bits, as the domain defines them
    from_at       BIGINT   NOT NULL, -- Unix microseconds
    to_at         BIGINT   NOT NULL, -- the greatest number where there is no end
    encoder       SMALLINT NOT NULL, -- version of what made the row
    PRIMARY KEY (tenant_id, account_id, collection_id, uid),
    FOREIGN KEY (tenant_id, account_id, collection_id, uid) REFERENCES item ON DELETE CASCADE
) /*rowless*/;
CREATE UNIQUE INDEX resource_index_uid ON resource_index (tenant_id, account_id, collection_id, uid_hash);
CREATE INDEX resource_index_window ON resource_index (tenant_id, account_id, collection_id, to_at, from_at, components);

-- What was deleted from a drive and is kept for a time.
CREATE TABLE trash (
    tenant_id     BIGINT NOT NULL,
    account_id    BIGINT NOT NULL,
    collection_id BIGINT NOT NULL,
    item_id       BIGINT NOT NULL,
    deleted_at    BIGINT NOT NULL,
    sealed        BYTEA  NOT NULL, -- the path at which it lay
    PRIMARY KEY (tenant_id, account_id, collection_id, item_id),
    FOREIGN KEY (tenant_id, account_id, collection_id) REFERENCES collection
) /*rowless*/;
CREATE INDEX trash_deleted ON trash (deleted_at);
