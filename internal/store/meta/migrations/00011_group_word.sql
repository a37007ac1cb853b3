-- +goose Up
-- When an issuer last said in which groups a person is: the time of the token by which
-- it did. What an older token says takes nothing back.
CREATE TABLE group_word (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL, -- the person
    issuer     TEXT   COLLATE "C" NOT NULL,
    said_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, issuer),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;

-- It was kept among the tickets, at the directory's site.
DELETE FROM ticket WHERE kind = 'groups.said';
