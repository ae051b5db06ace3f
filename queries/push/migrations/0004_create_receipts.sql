-- +goose Up

-- receipts: what providers reported about messages. Written by ReceiveReceipt, never changed: of several reports under one event id the
-- first counts, because a provider may sign the id alone. A receipt may come before the message's own id is noted here; it is kept and
-- applied then.
CREATE TABLE receipts (
    tenant_id   text        NOT NULL,
    provider    text        NOT NULL,
    event_id    text        NOT NULL,
    provider_id text        NOT NULL,
    -- What it says in our words: PENDING, DELIVERED, READ, UNDELIVERED, REJECTED, EXPIRED or UNKNOWN.
    state       text        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider, event_id),
    CONSTRAINT receipts_state CHECK (state IN ('UNKNOWN', 'PENDING', 'DELIVERED', 'READ', 'UNDELIVERED', 'REJECTED', 'EXPIRED'))
);
CREATE INDEX receipts_of_message ON receipts (tenant_id, provider, provider_id);

ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
CREATE POLICY receipts_tenant ON receipts
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON receipts FROM lendgate_push;

-- +goose Down
DROP TABLE receipts;
