-- +goose Up
-- Failed sign-ins, counted by all processes together. A bucket is a number made by a
-- keyed hash, so that nobody's name or address stands here and the rows are bounded.
CREATE TABLE throttle (
    tenant_id  BIGINT NOT NULL, -- 0: the installation
    bucket     BIGINT NOT NULL,
    half       BIGINT NOT NULL, -- of the window: the time divided by its length
    failures   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, half)
) /*rowless*/;
CREATE INDEX throttle_expires ON throttle (expires_at);
CREATE INDEX throttle_busy ON throttle (tenant_id, half) WHERE failures >= 5;

-- Accounts and places where they have signed in, as keyed hashes of both.
CREATE TABLE throttle_known (
    tenant_id  BIGINT NOT NULL, -- 0: the installation
    pair       BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, pair)
) /*rowless*/;
CREATE INDEX throttle_known_expires ON throttle_known (expires_at);
