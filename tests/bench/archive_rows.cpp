#include "archive_rows.h"

#include <algorithm>

#include "ccoc/db/database.h"
#include "measure.h"

namespace ccoc::bench {
namespace {

using std::chrono::hours;

// Levels that do not compress, as those of real pictures do not.
constexpr auto make_noise = R"(
set maintenance_work_mem = '512MB'; set work_mem = '64MB'; set synchronous_commit = off;
create table noise as
select n, decode(string_agg(regexp_replace(md5(n || '/' || i), '(.)', '6\1', 'g'), '' order by i), 'hex') as levels
from generate_series(0, 199) n, generate_series(1, 113) i group by n;
alter table noise add primary key (n);
create function bench_camera(c integer, digits integer) returns text language sql immutable as
  $$ select 'cam' || lpad(c::text, digits, '0') $$;
create function bench_gap_hour(c integer, at timestamptz) returns integer language sql immutable as
  $$ select ((c * 7 + extract(epoch from at)::bigint / 86400) % 24)::integer $$;
create function bench_week(week timestamptz, first timestamptz, last timestamptz, cameras integer, digits integer) returns void
language plpgsql as $$
declare
  made text := 'segments_' || to_char(week at time zone 'UTC', 'YYYY_MM_DD');
begin
  execute format('drop table if exists %I', made);
  delete from segment_partitions where name = made;
  execute format('create table %I (like segments including defaults including constraints)', made);
  execute format($q$
    insert into %I
    select 'main', bench_camera(c, %3$s) || '/main/' || to_char(t + late, 'YYYY-MM-DD/HH24MISS') || 'Z.mp4', bench_camera(c, %3$s), 'main',
           t + late, t + late + interval '1 minute', 30000000 + c, 1, true, n.levels, 111
    from generate_series(%4$L::timestamptz, %5$L::timestamptz - interval '1 minute', interval '1 minute') t
      cross join generate_series(1, %2$s) c cross join lateral (select (c * 37 %% 1900) * interval '1 millisecond' as late) l
      join (select n.n, substring(levels from 1 for 60) as levels from noise n) n
        on n.n = (c + extract(epoch from t)::bigint / 60) %% 200
    where extract(minute from t) <> 30 or extract(hour from t) <> bench_gap_hour(c, t)$q$,
    made, cameras, digits, greatest(week, first), least(week + interval '168 hours', last));
  execute format('alter table %I add primary key (volume, path)', made);
  execute format('create index on %I (camera, stream, starts_at) include (ends_at, bytes, closed, activity_peak)', made);
  execute format('create index on %I (starts_at)', made);
  execute format('create index on %I (volume, path) where not closed', made);
  execute format('alter table segments attach partition %I for values from (%L) to (%L)', made, week, week + interval '168 hours');
  insert into segment_partitions values (made, week, week + interval '168 hours');
end $$;
)";

constexpr auto make_week = "select bench_week($1, $2, $3, $4::integer, $5::integer)";
constexpr auto week_of = "select segment_week($1)";

constexpr auto make_hours = R"(
insert into timeline_hours (camera, stream, hour, spans, peaks, peaks_5min, levels)
select bench_camera(c, $4::integer), 'main', t,
       case when extract(hour from t) = bench_gap_hour(c, t)
            then array[0, 1800000000 + late, 1860000000 + late, 3600000000] else array[0, 3600000000] end,
       substring(n.levels from 1 for 60), substring(n.levels from 1 for 12), substring(n.levels from 1 for 3600)
from generate_series($1::timestamptz, $2::timestamptz - interval '1 hour', interval '1 hour') t
  cross join generate_series(1, $3::integer) c cross join lateral (select (c * 37 % 1900) * 1000::bigint as late) l
  join noise n on n.n = (c + extract(epoch from t)::bigint / 3600) % 200)";

constexpr auto make_days = R"(
insert into timeline_days (camera, stream, day, spans, peaks)
select bench_camera(c, $4::integer), 'main', t::date,
       array[0, g.gap + late, g.gap + 60000000 + late, 86400000000], substring(n.levels from 1 for 288)
from generate_series($1::timestamptz, $2::timestamptz - interval '1 day', interval '1 day') t
  cross join generate_series(1, $3::integer) c
  cross join lateral (select (c * 37 % 1900) * 1000::bigint as late, bench_gap_hour(c, t) * 3600000000 + 1800000000 as gap) g
  join noise n on n.n = (c + extract(epoch from t)::bigint / 86400) % 200)";

constexpr auto make_gaps = R"(
insert into gaps (camera, stream, starts_at, ends_at, cause, reason)
select bench_camera(c, $4::integer), 'main', at, at + interval '1 minute', 'network', 'no picture came for 5 s'
from generate_series($1::timestamptz, $2::timestamptz - interval '1 day', interval '1 day') t
  cross join generate_series(1, $3::integer) c
  cross join lateral (select t + bench_gap_hour(c, t) * interval '1 hour' + interval '30 minutes' + (c * 37 % 1900) * interval '1 ms' as at) g)";

/// Room for the large ones.
constexpr db::TransactionOptions patient{.statement_timeout = hours{1}};

Status one(db::Database& database, std::string_view sql, const db::Params& params) {
  return database.transaction(
      [&](db::Transaction& transaction) -> Status {
        if (auto set = transaction.script("set local maintenance_work_mem = '512MB'; set local work_mem = '64MB'"); !set) return set;
        const auto done = transaction.query(sql, params);
        if (!done) return std::unexpected(done.error());
        return {};
      },
      patient);
}

}  // namespace

std::string RowPlan::camera(int number) const {
  auto digits = std::to_string(number);
  const auto width = std::max<std::size_t>(std::to_string(cameras).size(), 2);
  return "cam" + std::string(width - std::min(width, digits.size()), '0') + digits;
}

int RowPlan::gap_hour(int number, UtcTime day) const {
  return static_cast<int>((number * 7 + std::chrono::floor<std::chrono::days>(day).time_since_epoch().count()) % 24);
}

Status make_rows(db::Database& database, const RowPlan& plan) {
  const auto digits = static_cast<int>(plan.camera(1).size()) - 3;
  if (auto made = database.transaction([](db::Transaction& t) { return t.script(make_noise); }, patient); !made) return made;
  for (auto at = plan.from(); at < plan.to;) {
    const auto monday = database.query(week_of, {at});
    if (!monday) return std::unexpected(monday.error());
    const auto week = (*monday)[0].utc(0);
    say("rows of the week of " + format_day(week));
    if (auto made = one(database, make_week, {week, plan.from(), plan.to, plan.cameras, digits}); !made) return made;
    at = week + hours{24 * 7};
  }
  say("hours and days of the timeline");
  for (const auto* sql : {make_hours, make_days, make_gaps}) {
    if (auto made = one(database, sql, {plan.from(), plan.to, plan.cameras, digits}); !made) return made;
  }
  if (auto done = database.query("drop table noise"); !done) return std::unexpected(done.error());
  const auto tables =
      database.query("select name from segment_partitions union all values ('timeline_hours'), ('timeline_days'), ('gaps')");
  if (!tables) return std::unexpected(tables.error());
  for (const auto& table : *tables) {
    // What autovacuum has done by then.
    if (auto done = database.query("vacuum (analyze) " + table.text(0)); !done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace ccoc::bench
