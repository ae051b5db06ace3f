-- +goose Up
-- What every service keeps beside its own tables, created once in each service's schema. The migrations run with search_path set to it.

-- requests: the answer to every mutation, so that a repeat gets the same one. Written by each service in the business transaction.
CREATE TABLE requests (
    tenant_id   text        NOT NULL,
    actor       text        NOT NULL,
    procedure   text        NOT NULL,
    request_id  uuid        NOT NULL,
    fingerprint bytea       NOT NULL,
    response    bytea       NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, procedure, request_id),
    CONSTRAINT requests_fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32)
);
ALTER TABLE requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY requests_tenant ON requests
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- outbox_events: facts to tell, written in the business transaction and read by the relay. transaction_id lets the relay wait for
-- transactions that are still open, since sequence numbers become visible out of order.
CREATE TABLE outbox_events (
    sequence       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8        NOT NULL DEFAULT pg_current_xact_id(),
    tenant_id      text        NOT NULL,
    event_id       uuid        NOT NULL UNIQUE,
    subject_id     text        NOT NULL,
    actor          text        NOT NULL,
    payload        bytea       NOT NULL,
    create_time    timestamptz NOT NULL,
    relay_time     timestamptz
);
CREATE INDEX outbox_events_unrelayed ON outbox_events (sequence) WHERE relay_time IS NULL;
ALTER TABLE outbox_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY outbox_events_tenant ON outbox_events
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
-- The relay serves all tenants and may do nothing but read events and mark them told.
CREATE POLICY outbox_events_relay ON outbox_events TO lendgate_relay USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (relay_time) ON outbox_events TO lendgate_relay;

-- inbox_events: events of others that this service has taken in, so that a second delivery does nothing.
CREATE TABLE inbox_events (
    tenant_id   text        NOT NULL,
    consumer    text        NOT NULL,
    event_id    uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, consumer, event_id)
);
ALTER TABLE inbox_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY inbox_events_tenant ON inbox_events
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- dead_events: events that a consumer could not take in after many tries, kept whole for people to look at.
CREATE TABLE dead_events (
    tenant_id   text        NOT NULL,
    consumer    text        NOT NULL,
    event_id    uuid        NOT NULL,
    payload     bytea       NOT NULL,
    error       text        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, consumer, event_id)
);
ALTER TABLE dead_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY dead_events_tenant ON dead_events
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- subject_keys: one data key a person, wrapped by the master key. Deleting the row makes everything sealed for the person unreadable.
CREATE TABLE subject_keys (
    tenant_id     text        NOT NULL,
    subject_id    uuid        NOT NULL,
    master_key_id text        NOT NULL,
    wrapped_key   bytea       NOT NULL,
    create_time   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, subject_id)
);
ALTER TABLE subject_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY subject_keys_tenant ON subject_keys
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE subject_keys;
DROP TABLE dead_events;
DROP TABLE inbox_events;
DROP TABLE outbox_events;
DROP TABLE requests;
