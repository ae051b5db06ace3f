-- +goose Up

-- push_deliveries: which devices of a person a notification has been handed over for, so that a retry for one device is none for the
-- others. Written by the delivery worker, never changed.
CREATE TABLE push_deliveries (
    tenant_id       text        NOT NULL,
    notification_id uuid        NOT NULL,
    device_id       uuid        NOT NULL,
    provider_id     text        NOT NULL,
    create_time     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, notification_id, device_id),
    FOREIGN KEY (tenant_id, notification_id) REFERENCES notifications (tenant_id, id)
);

ALTER TABLE push_deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY push_deliveries_tenant ON push_deliveries
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON push_deliveries FROM lendgate_push;

-- +goose Down
DROP TABLE push_deliveries;
