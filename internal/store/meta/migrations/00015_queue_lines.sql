-- +goose Up
-- The queue is read line by line, a line being a tenant's mail to people here or its mail
-- to elsewhere: of each the recipients in the order in which they are ready, that is, due
-- and under no lease. What is not read costs nothing.
CREATE INDEX queue_recipient_line ON queue_recipient (tenant_id, (CASE WHEN next_hop = 'local' THEN 1 ELSE 0 END),
    (CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)) WHERE state = 0;
CREATE INDEX queue_recipient_lease ON queue_recipient (lease_token) WHERE lease_token <> 0;
-- What is done is looked at until the others of its message are.
CREATE INDEX queue_recipient_done ON queue_recipient (tenant_id, account_id, message_id) WHERE state <> 0;
DROP INDEX queue_recipient_due;
DROP INDEX queue_recipient_turn;
