-- +goose Up
-- Tenants take turns in the queue: of each the recipients are read in the order in which
-- they are due.
CREATE INDEX queue_recipient_turn ON queue_recipient (tenant_id, due_at) WHERE state = 0;
