-- The whole stage is read, and with it perhaps most of the cycle: by what means is the planner's to say, and it
-- depends on how much is in the stage.
set local enable_seqscan = on;
set local plan_cache_mode = force_custom_plan;

-- The answer as it was read, for the time of one transaction. Kept per connection, because creating
-- and dropping it for every poll would write to the catalogue every time.
create temporary table if not exists lmp_stage (
    position integer not null,
    -- null: the entry's id could not be read
    id uuid,
    start_date date,
    end_date date,
    partner_company_name text,
    status text,
    under_review_status text,
    extra jsonb,
    -- null: a report; else the digest of the bytes of an entry that cannot be one, and no facts above
    bad_sha256 bytea
) on commit delete rows;

-- What the answer changes: n new, c changed, r returned, w no longer listed (then without facts). The
-- facts stand here too, so that writing them needs no second look at all that was staged.
create temporary table if not exists lmp_diff (
    kind "char" not null,
    id uuid not null,
    start_date date,
    end_date date,
    partner_company_name text,
    status text,
    under_review_status text,
    extra jsonb
) on commit delete rows;
