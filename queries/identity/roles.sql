-- EnsureRole makes a role that is not there yet and leaves one that is.
-- name: EnsureRole :exec
INSERT INTO roles (tenant_id, name, permissions, actor, create_time, update_time)
VALUES (@tenant_id, @name, @permissions, @actor, @now, @now)
ON CONFLICT DO NOTHING;

-- AssignRole gives a role to a person.
-- name: AssignRole :exec
INSERT INTO person_roles (tenant_id, person_id, role_name, actor, create_time)
VALUES (@tenant_id, @person_id, @role_name, @actor, @now)
ON CONFLICT DO NOTHING;

-- ListPermissions reads the union of the permissions of a person's roles, in order of their names.
-- name: ListPermissions :many
SELECT DISTINCT unnest(roles.permissions)::text AS permission
FROM person_roles
JOIN roles ON roles.tenant_id = person_roles.tenant_id AND roles.name = person_roles.role_name
WHERE person_roles.tenant_id = @tenant_id AND person_roles.person_id = @person_id
ORDER BY permission;
