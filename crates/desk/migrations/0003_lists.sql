-- Which users have which standing: what lists, totals and page numbers are answered from (docs/storage.md). A user's
-- axes are packed into one number (user/census); numbers of users are cut into blocks of 256 and regions of 65,536.

-- The axes of 256 users, three bytes each.
CREATE TABLE user_block (
    tenant_id BIGINT NOT NULL,
    block BIGINT NOT NULL,
    axes BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, block)
) /* clustered */;

-- How many of 65,536 users have which axes: all together, and block by block.
CREATE TABLE user_region (
    tenant_id BIGINT NOT NULL,
    region BIGINT NOT NULL,
    sums BYTEA NOT NULL,
    blocks BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, region)
) /* clustered */;

-- Users whose axes have changed, in the same commit; folded into blocks and regions soon after. Whoever reads those adds
-- what is here, so that no answer is behind.
CREATE TABLE user_move (
    tenant_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    was BIGINT NOT NULL,
    axes BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, number, version)
) /* clustered */;
