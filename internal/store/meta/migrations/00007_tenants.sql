-- +goose Up
-- What an installation with several tenants keeps of them. Tenant, domain and issuer
-- are the directory's: their rows lie in its database and, copied, at the tenant's home.

ALTER TABLE tenant ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'; -- JSON: what its pages show
ALTER TABLE tenant ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';   -- JSON: where its data may lie
ALTER TABLE tenant ADD COLUMN quota_bytes BIGINT NOT NULL DEFAULT 0; -- 0: no limit
ALTER TABLE tenant ADD COLUMN quota_items BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN quota_accounts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN used_bytes BIGINT NOT NULL DEFAULT 0; -- sums over its accounts, as of a moment ago
ALTER TABLE tenant ADD COLUMN used_items BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN used_accounts BIGINT NOT NULL DEFAULT 0;

-- Raised in the directory whenever a tenant, a domain or an issuer changes, so that
-- every process knows when to read them anew.
ALTER TABLE installation ADD COLUMN directory BIGINT NOT NULL DEFAULT 0;

CREATE TABLE tenant_logo (
    tenant_id  BIGINT NOT NULL PRIMARY KEY REFERENCES tenant,
    media_type TEXT   NOT NULL,
    image      BYTEA  NOT NULL
);

ALTER TABLE issuer ADD COLUMN own SMALLINT NOT NULL DEFAULT 0; -- 1: the tenant's own, with the columns below
ALTER TABLE issuer ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer ADD COLUMN sealed BYTEA; -- the client's secret
ALTER TABLE issuer ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer ADD COLUMN scopes TEXT NOT NULL DEFAULT '{}'; -- JSON: its names of scopes
ALTER TABLE issuer ADD COLUMN groups_claim TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer ADD COLUMN admin_group TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer ADD COLUMN privacy_group TEXT NOT NULL DEFAULT '';

-- Which groups an issuer last said that a person is in.
CREATE TABLE person_group (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL, -- the person
    issuer     TEXT   COLLATE "C" NOT NULL,
    group_name TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, account_id, issuer, group_name),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE INDEX person_group_name ON person_group (tenant_id, group_name);

-- What the members of a group may do with a shared account.
CREATE TABLE group_grant (
    tenant_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL, -- the shared account
    group_name TEXT     COLLATE "C" NOT NULL,
    rights     SMALLINT NOT NULL, -- bits, as in account_grant
    created_at BIGINT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id, group_name),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE INDEX group_grant_name ON group_grant (tenant_id, group_name);

-- What was seen of the site that this database belongs to.
CREATE TABLE location_site (
    tenant_id BIGINT NOT NULL, -- 0: the installation
    site      TEXT   COLLATE "C" NOT NULL,
    entries   BIGINT NOT NULL, -- how many the history has had
    run       TEXT   NOT NULL, -- JSON: the last verification
    PRIMARY KEY (tenant_id, site)
) /*rowless*/;

CREATE TABLE location_history (
    tenant_id   BIGINT NOT NULL, -- 0: the installation
    site        TEXT   COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    entry       BIGINT NOT NULL, -- counted from 1
    thing       TEXT   COLLATE "C" NOT NULL, -- part, check and subject
    observation TEXT   NOT NULL, -- JSON
    PRIMARY KEY (tenant_id, site, at, entry)
) /*rowless*/;
CREATE UNIQUE INDEX location_history_thing ON location_history (tenant_id, site, at, thing);

-- Signed reports, each chained to the one before.
CREATE TABLE location_report (
    tenant_id  BIGINT NOT NULL REFERENCES tenant,
    account_id BIGINT NOT NULL, -- the person; 0: of the whole tenant
    number     BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    jws        TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id, number)
) /*rowless*/;
