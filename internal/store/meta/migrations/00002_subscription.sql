-- +goose Up
-- Names a person subscribes to. They outlive the collection (RFC 9051 6.3.7), and in
-- a shared account each person has their own.
CREATE TABLE subscription (
    tenant_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL,
    person_id  BIGINT   NOT NULL,
    kind       SMALLINT NOT NULL, -- of the collection
    name       TEXT     COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, account_id, person_id, kind, name),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
