-- Products are read by their newest live version; loans and offers read the version that they were made with.

-- InsertProduct adds a version of a product.
-- name: InsertProduct :exec
INSERT INTO products (tenant_id, id, code, version, names, currency, min_principal_minor, max_principal_minor, min_instalments,
    max_instalments, terms, effective_time, actor, create_time)
VALUES (@tenant_id, @id, @code, @version, @names, @currency, @min_principal_minor, @max_principal_minor, @min_instalments,
    @max_instalments, @terms, @effective_time, @actor, @create_time);

-- GetLiveProduct finds the newest version of a product that is in force.
-- name: GetLiveProduct :one
SELECT *
FROM products
WHERE code = @code AND effective_time <= @now
ORDER BY version DESC
LIMIT 1;

-- ListProductVersions reads versions by their ids.
-- name: ListProductVersions :many
SELECT *
FROM products
WHERE id = ANY(@ids::uuid[]);

-- ListLiveProducts reads the newest live version of each product, by code, after the product of the version given.
-- name: ListLiveProducts :many
SELECT DISTINCT ON (p.code) p.*
FROM products AS p
WHERE p.effective_time <= @now
    AND p.code > COALESCE((SELECT last_shown.code FROM products AS last_shown WHERE last_shown.id = @after), '')
ORDER BY p.code, p.version DESC
LIMIT @page_size;
