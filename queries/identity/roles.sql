-- CountRoles counts the roles of a lender.
-- name: CountRoles :one
SELECT count(*)
FROM roles
WHERE tenant_id = @tenant_id;

-- InsertRole makes a role; 0 rows means that there is one of this name.
-- name: InsertRole :execrows
INSERT INTO roles (tenant_id, name, title, audience, permissions, actor, create_time, update_time)
VALUES (@tenant_id, @name, @title, @audience, @permissions, @actor, @now, @now)
ON CONFLICT (tenant_id, name) DO NOTHING;

-- GetRole reads a role.
-- name: GetRole :one
SELECT *
FROM roles
WHERE tenant_id = @tenant_id AND name = @name;

-- LockRole reads a role and holds the row until the end of the transaction.
-- name: LockRole :one
SELECT *
FROM roles
WHERE tenant_id = @tenant_id AND name = @name
FOR UPDATE;

-- ListRoles reads all roles of a lender, in order of their names.
-- name: ListRoles :many
SELECT *
FROM roles
WHERE tenant_id = @tenant_id
ORDER BY name
LIMIT 100;

-- UpdateRole replaces what a role is called and allows, under the lock of LockRole.
-- name: UpdateRole :one
UPDATE roles
SET title = @title, permissions = @permissions, version = version + 1, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND name = @name AND version = @version
RETURNING *;

-- CountRoleHolders counts the people who have a role, customers and staff.
-- name: CountRoleHolders :one
SELECT (SELECT count(*) FROM (SELECT FROM person_roles p WHERE p.tenant_id = @tenant_id AND p.role_name = @name LIMIT 1) AS customers)
    + (SELECT count(*) FROM staff_roles s WHERE s.tenant_id = @tenant_id AND s.role_name = @name) AS holders;

-- DeleteRole drops a role that nobody has.
-- name: DeleteRole :execrows
DELETE FROM roles
WHERE tenant_id = @tenant_id AND name = @name AND version = @version;

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

-- AssignStaffRole gives a role to an account of staff.
-- name: AssignStaffRole :exec
INSERT INTO staff_roles (tenant_id, staff_id, role_name, actor, create_time)
VALUES (@tenant_id, @staff_id, @role_name, @actor, @now)
ON CONFLICT DO NOTHING;

-- TakeStaffRole takes a role from an account of staff.
-- name: TakeStaffRole :exec
DELETE FROM staff_roles
WHERE tenant_id = @tenant_id AND staff_id = @staff_id AND role_name = @role_name;

-- ListStaffRoles reads the roles of accounts with what they allow, in order of their names.
-- name: ListStaffRoles :many
SELECT staff_roles.staff_id, roles.name, roles.permissions
FROM staff_roles
JOIN roles ON roles.tenant_id = staff_roles.tenant_id AND roles.name = staff_roles.role_name
WHERE staff_roles.tenant_id = @tenant_id AND staff_roles.staff_id = ANY(@staff_ids::uuid[])
ORDER BY roles.name;

-- CountActiveHolders counts the active accounts that have a role.
-- name: CountActiveHolders :one
SELECT count(*)
FROM staff_roles
JOIN staff ON staff.tenant_id = staff_roles.tenant_id AND staff.id = staff_roles.staff_id
WHERE staff_roles.tenant_id = @tenant_id AND staff_roles.role_name = @role_name AND staff.state = 'ACTIVE';
