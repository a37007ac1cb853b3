-- +goose Up
-- Tickets of a person lie at the home of their tenant, and bear its id. Those of before
-- lay at the directory's site, where nobody looks for them any more: whoever was signed
-- in at the embedded provider signs in again.
DELETE FROM ticket WHERE tenant_id = 0
    AND kind IN ('rp.invite', 'idp.session', 'idp.code', 'idp.refresh', 'idp.spent', 'portal.apple-profile');
