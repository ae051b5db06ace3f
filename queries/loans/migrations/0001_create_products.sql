-- +goose Up
-- What a lender offers, and the two small tables that the whole service counts and dates with.

-- refuse_change keeps tables append-only even for a role that could do more: a correction is another row.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd

-- products: one row a version of a product, never changed. Written by CreateProductVersion. The columns are what queries and limits need;
-- terms is the whole lendgate.loans.v1.ProductTerms as protobuf JSON, as it was on that day.
CREATE TABLE products (
    tenant_id           text        NOT NULL,
    id                  uuid        NOT NULL,
    code                text        NOT NULL,
    version             integer     NOT NULL,
    names               jsonb       NOT NULL,
    currency            text        NOT NULL,
    min_principal_minor bigint      NOT NULL,
    max_principal_minor bigint      NOT NULL,
    min_instalments     integer     NOT NULL,
    max_instalments     integer     NOT NULL,
    terms               jsonb       NOT NULL,
    effective_time      timestamptz NOT NULL,
    actor               text        NOT NULL,
    create_time         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT products_version_is_unique UNIQUE (tenant_id, code, version),
    CONSTRAINT products_version_counts_from_one CHECK (version >= 1),
    CONSTRAINT products_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT products_principal_limits_are_ordered CHECK (0 < min_principal_minor AND min_principal_minor <= max_principal_minor),
    CONSTRAINT products_instalment_limits_are_ordered CHECK (1 <= min_instalments AND min_instalments <= max_instalments)
);
CREATE TRIGGER products_are_append_only BEFORE UPDATE OR DELETE ON products FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
CREATE POLICY products_tenant ON products
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON products FROM lendgate_loans;

-- counters: numbers that are given out one by one, such as agreements of a year ("agreement/2026") and versions of a product
-- ("product/cash-12"). Written by the mutation that takes a number.
CREATE TABLE counters (
    tenant_id text   NOT NULL,
    name      text   NOT NULL,
    value     bigint NOT NULL,
    PRIMARY KEY (tenant_id, name),
    CONSTRAINT counters_value_is_positive CHECK (value >= 1)
);
ALTER TABLE counters ENABLE ROW LEVEL SECURITY;
CREATE POLICY counters_tenant ON counters
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON counters FROM lendgate_loans;

-- business_days: the date that a tenant's books stand at when it is not simply today in the tenant's zone. Written by SetBusinessDate; no
-- row, or a null, means today.
CREATE TABLE business_days (
    tenant_id     text        NOT NULL PRIMARY KEY,
    business_date date,
    actor         text        NOT NULL,
    update_time   timestamptz NOT NULL
);
ALTER TABLE business_days ENABLE ROW LEVEL SECURITY;
CREATE POLICY business_days_tenant ON business_days
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE business_days;
DROP TABLE counters;
DROP TABLE products;
DROP FUNCTION refuse_change;
