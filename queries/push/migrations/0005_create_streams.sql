-- +goose Up

-- streams: one status stream a person, with its top. Written by the event consumer, which locks the row to give out the next offset, and
-- by the first look at a stream that has no events yet. The epoch is made with the row and never changes: another epoch is another stream.
CREATE TABLE streams (
    tenant_id   text        NOT NULL,
    person_id   uuid        NOT NULL,
    epoch       text        NOT NULL,
    top_offset  bigint      NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, person_id),
    -- The client protocol reads "" and "_" as "no epoch".
    CONSTRAINT streams_epoch CHECK (epoch NOT IN ('', '_') AND length(epoch) <= 40),
    -- JavaScript reads offsets as numbers.
    CONSTRAINT streams_top_offset CHECK (top_offset BETWEEN 0 AND 9007199254740991)
);

ALTER TABLE streams ENABLE ROW LEVEL SECURITY;
CREATE POLICY streams_tenant ON streams
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON streams FROM lendgate_push;
GRANT UPDATE (top_offset, update_time) ON streams TO lendgate_push;

-- publications: the entries of the streams, offsets from 1 without holes. Written by the event consumer, never changed.
CREATE TABLE publications (
    tenant_id   text        NOT NULL,
    person_id   uuid        NOT NULL,
    offset_no   bigint      NOT NULL,
    event_id    uuid        NOT NULL,
    -- lendgate.realtime.v1.StatusEvent.
    payload     bytea       NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, person_id, offset_no),
    FOREIGN KEY (tenant_id, person_id) REFERENCES streams (tenant_id, person_id),
    CONSTRAINT publications_event_once UNIQUE (tenant_id, person_id, event_id),
    CONSTRAINT publications_offset_no CHECK (offset_no >= 1)
);

ALTER TABLE publications ENABLE ROW LEVEL SECURITY;
CREATE POLICY publications_tenant ON publications
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON publications FROM lendgate_push;

-- +goose Down
DROP TABLE publications;
DROP TABLE streams;
