-- +goose Up
-- Who may do what: roles are sets of permissions, kept as data of each lender.

-- roles: a named set of permissions, by their names in the contract without the prefix, such as "PROFILE_READ". The role "borrower" is made
-- by the first ConfirmLogin of a lender; afterwards it belongs to the lender. A permission taken out is gone with the next
-- AuthenticateSession, which the edge asks for at least every 5 s.
CREATE TABLE roles (
    tenant_id   text        NOT NULL,
    name        text        NOT NULL,
    permissions text[]      NOT NULL,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name),
    CONSTRAINT roles_name_is_short CHECK (length(name) BETWEEN 1 AND 60),
    CONSTRAINT roles_are_bounded CHECK (cardinality(permissions) <= 200)
);
ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY roles_tenant ON roles
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- person_roles: which roles a person has. Written by ConfirmLogin when it makes the person.
CREATE TABLE person_roles (
    tenant_id   text        NOT NULL,
    person_id   uuid        NOT NULL,
    role_name   text        NOT NULL,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, person_id, role_name),
    CONSTRAINT person_roles_person FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
    CONSTRAINT person_roles_role FOREIGN KEY (tenant_id, role_name) REFERENCES roles (tenant_id, name)
);
ALTER TABLE person_roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_roles_tenant ON person_roles
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE person_roles;
DROP TABLE roles;
