-- Quarantined entries of this cycle that the answer no longer holds are resolved; those back are open.
-- $1 account, $2 cycle, $3 the transaction's moment, $4 whether the answer is believed
update lmp_billing.quarantined_reports q
set resolved_at = case when q.resolved_at is null then $3 end
where q.account = $1
  and q.cycle = $2
  and case
          when q.resolved_at is null then
              $4 and not exists (select from pg_temp.lmp_stage a where a.bad_sha256 = q.payload_sha256)
          else exists (select from pg_temp.lmp_stage a where a.bad_sha256 = q.payload_sha256)
      end
