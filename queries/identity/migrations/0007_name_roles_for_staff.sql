-- +goose Up
-- Roles are edited by operators: they have a title, an audience and a version. The role "borrower" is called "client" from here on.

ALTER TABLE roles
    ADD COLUMN title    text   NOT NULL DEFAULT '',
    -- Who may have the role, and with it which permissions it may hold.
    ADD COLUMN audience text   NOT NULL DEFAULT 'CLIENT',
    ADD COLUMN version  bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT roles_audience_is_known CHECK (audience IN ('CLIENT', 'PARTNER', 'STAFF')),
    ADD CONSTRAINT roles_title_is_short CHECK (length(title) <= 80);

INSERT INTO roles (tenant_id, name, title, audience, permissions, actor, create_time, update_time)
SELECT tenant_id, 'client', 'Client', 'CLIENT', permissions, actor, create_time, update_time
FROM roles
WHERE name = 'borrower'
ON CONFLICT DO NOTHING;
UPDATE person_roles SET role_name = 'client' WHERE role_name = 'borrower';
DELETE FROM roles WHERE name = 'borrower';

-- +goose Down
ALTER TABLE roles DROP COLUMN title, DROP COLUMN audience, DROP COLUMN version;
