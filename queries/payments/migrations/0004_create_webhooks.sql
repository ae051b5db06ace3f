-- +goose Up
-- webhooks: notifications of providers whose signature held, as they came. Written by ReceiveWebhook; the job notes when it has looked.
-- The body may hold a masked card number, so it is sealed with the key of the person of the payment, or the tenant's when it matches none.
CREATE TABLE webhooks (
    tenant_id       text        NOT NULL,
    id              uuid        NOT NULL,
    provider        text        NOT NULL,
    body_hash       bytea       NOT NULL, -- SHA-256 of the raw body; the provider repeats until it reads our answer.
    subject_id      uuid        NOT NULL, -- Whose key seals the body; the nil UUID is the tenant's.
    body            bytea       NOT NULL,
    content_type    text        NOT NULL,
    payment_kind    text,
    payment_id      uuid, -- The payout or collection; null when it matches none of ours.
    provider_status text        NOT NULL,
    verdict         text        NOT NULL,
    actor           text        NOT NULL,
    create_time     timestamptz NOT NULL,
    process_time    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhooks_body_once UNIQUE (tenant_id, provider, body_hash),
    CONSTRAINT webhooks_hash_is_sha256 CHECK (octet_length(body_hash) = 32),
    CONSTRAINT webhooks_payment_kind_known CHECK (payment_kind IN ('PAYOUT', 'COLLECTION')),
    -- HINT: the provider is asked how the payment stands. MISMATCH: amount or payment differ from our row. UNMATCHED: no such payment.
    CONSTRAINT webhooks_verdict_known CHECK (verdict IN ('HINT', 'MISMATCH', 'UNMATCHED')),
    CONSTRAINT webhooks_hints_name_a_payment CHECK (verdict <> 'HINT' OR (payment_kind IS NOT NULL AND payment_id IS NOT NULL))
);
CREATE INDEX webhooks_by_payment ON webhooks (tenant_id, payment_id);
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhooks_tenant ON webhooks
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON webhooks FROM lendgate_payments;

-- +goose Down
DROP TABLE webhooks;
