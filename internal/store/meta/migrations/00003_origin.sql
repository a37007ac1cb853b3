-- +goose Up
-- Where an imported object came from, so that a second import brings only what is new.
CREATE TABLE origin (
    tenant_id   BIGINT NOT NULL,
    account_id  BIGINT NOT NULL,
    source      BYTEA  NOT NULL, -- keyed hash of server, user and mailbox
    uidvalidity BIGINT NOT NULL, -- the source's
    uid         BIGINT NOT NULL, -- the source's
    object_id   BIGINT NOT NULL, -- what it became; it may be gone since
    digest      BYTEA  NOT NULL, -- keyed digest of the bytes as the source gave them
    at          BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, source, uidvalidity, uid),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
