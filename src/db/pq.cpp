#include "pq.h"

#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <cstdlib>

namespace ccoc::db {
namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

/// The server's own words, on one line.
std::string one_line(const char* text) {
  std::string out;
  for (const char* c = text ? text : ""; *c != '\0'; ++c) {
    if (*c == '\n' || *c == '\t') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += *c;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string diagnostic(const PGresult* answer, int field) {
  const char* text = PQresultErrorField(answer, field);
  return text ? text : "";
}

SqlFailure lost(std::string message) {
  return {.error = {ErrorCode::unavailable, "the database is not available: " + std::move(message), {}}, .connection_lost = true};
}

/// https://www.postgresql.org/docs/current/errcodes-appendix.html
SqlFailure failure_of(const PGresult* answer) {
  const std::string state = diagnostic(answer, PG_DIAG_SQLSTATE);
  const std::string kind = state.substr(0, 2);
  const std::string message = one_line(PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
  SqlFailure out{.error = {ErrorCode::internal, "the database refused: " + message, {}}};
  if (kind == "22" || kind == "23") {
    const bool taken = state == "23505" || state == "23P01";
    out.error.code = taken ? ErrorCode::conflict : ErrorCode::invalid_argument;
    out.error.field = diagnostic(answer, PG_DIAG_CONSTRAINT_NAME);
    if (out.error.field.empty()) out.error.field = diagnostic(answer, PG_DIAG_COLUMN_NAME);
  } else if (state == "57014") {
    out.error.code = ErrorCode::timeout;
    out.error.message = "the database took too long and the statement was cancelled";
  } else if (state == "53100") {
    out.error.code = ErrorCode::no_space;
  } else if (state == "40001" || state == "40P01") {
    out.error.code = ErrorCode::unavailable;
    out.worth_repeating = true;
  } else if (kind == "57" || kind == "08" || kind == "53") {
    out = lost(message);
  } else {
    out.error.message += " (SQLSTATE " + state + ")";
  }
  return out;
}

Rows to_rows(std::shared_ptr<PGresult> answer, RowFormat format) {
  Rows out;
  out.affected = std::strtoll(PQcmdTuples(answer.get()), nullptr, 10);
  const int width = PQnfields(answer.get()), count = PQntuples(answer.get());
  auto cells = std::make_shared<Cells>();
  for (int at = 0; at < width; ++at) {
    cells->names.emplace_back(PQfname(answer.get(), at));
    if (format == RowFormat::binary) cells->types.push_back(PQftype(answer.get(), at));
  }
  cells->values.reserve(static_cast<std::size_t>(count) * static_cast<std::size_t>(width));
  out.rows.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    for (int at = 0; at < width; ++at) {
      auto& value = cells->values.emplace_back();
      if (PQgetisnull(answer.get(), row, at)) continue;
      value.emplace(PQgetvalue(answer.get(), row, at), static_cast<std::size_t>(PQgetlength(answer.get(), row, at)));
    }
    out.rows.emplace_back(cells, static_cast<std::size_t>(row));
  }
  cells->bytes = std::move(answer);
  return out;
}

/// Success, or what went wrong with statement or connection.
SqlResult<void> check(const PGresult* answer, const PGconn* connection) {
  const auto status = answer ? PQresultStatus(answer) : PGRES_FATAL_ERROR;
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return {};
  auto failure = answer && PQresultErrorField(answer, PG_DIAG_SQLSTATE) ? failure_of(answer) : lost(one_line(PQerrorMessage(connection)));
  if (PQstatus(connection) != CONNECTION_OK) failure.connection_lost = true;
  return std::unexpected(std::move(failure));
}

}  // namespace

Result<std::unique_ptr<PqConnection>> PqConnection::open(const std::string& conninfo, Duration limit) {
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + limit;
  std::unique_ptr<PqConnection> out(new PqConnection(PQconnectStart(conninfo.c_str())));
  PGconn* connection = out->connection_;
  if (!connection) return fail(ErrorCode::limit_exceeded, "no memory for a database connection");
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  auto wants = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD && wants != PGRES_POLLING_OK && wants != PGRES_POLLING_FAILED) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
    pollfd socket{PQsocket(connection), static_cast<short>(wants == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const int ready = left > 0 ? ::poll(&socket, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      return fail(ErrorCode::unavailable,
                  "the database is not available: no answer within " + std::to_string(limit / std::chrono::milliseconds(1)) + " ms");
    }
    wants = PQconnectPoll(connection);
  }
  if (PQstatus(connection) != CONNECTION_OK) {
    return fail(ErrorCode::unavailable, "the database is not available: " + one_line(PQerrorMessage(connection)));
  }
  return out;
}

PqConnection::~PqConnection() { PQfinish(connection_); }

SqlResult<Rows> PqConnection::query(const std::string& sql, const Params& params, RowFormat format) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const auto& param : params) {
    if (param.text() && param.text()->find('\0') != std::string::npos) {
      return std::unexpected(SqlFailure{.error = {ErrorCode::invalid_argument, "a text must not contain the character NUL", {}}});
    }
    values.push_back(param.text() ? param.text()->c_str() : nullptr);
  }
  Answer answer(PQexecParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr,
                             format == RowFormat::binary ? 1 : 0));
  if (const auto good = check(answer.get(), connection_); !good) return std::unexpected(good.error());
  return to_rows(std::move(answer), format);
}

SqlResult<void> PqConnection::script(const std::string& sql) {
  const Answer answer(PQexec(connection_, sql.c_str()));
  return check(answer.get(), connection_);
}

int PqConnection::socket() const { return PQsocket(connection_); }

bool PqConnection::still_there() const {
  pollfd waiting{socket(), POLLIN | POLLRDHUP, 0};
  // An idle server has nothing to say: whatever can be read is its farewell.
  return PQstatus(connection_) == CONNECTION_OK && ::poll(&waiting, 1, 0) == 0;
}

}  // namespace ccoc::db
