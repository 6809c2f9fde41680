// What goes into a statement (Params) and what comes out of it (Rows), free of any PostgreSQL header.
// Values travel as text, those of an answer also in PostgreSQL's binary form. Params own their bytes; rows share those of the answer,
// which lives as long as one of its rows.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"

namespace ccoc::db {

/// One bound value: text, number, boolean, instant (timestamptz), bytes (bytea) or null.
class Param {
 public:
  Param(std::nullptr_t) {}
  Param(std::string text) : text_(std::move(text)) {}
  Param(std::string_view text) : text_(std::string(text)) {}
  Param(const char* text) : text_(std::string(text)) {}
  Param(std::same_as<bool> auto value) : text_(value ? "t" : "f") {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Param(T value) : text_(std::to_string(value)) {}
  /// Exact: the shortest text that reads back as the same double; NaN and infinities as PostgreSQL spells them.
  Param(double value);
  Param(UtcTime value);
  Param(ByteView bytes);
  Param(const Bytes& bytes) : Param(ByteView(bytes)) {}
  template <class T>
  Param(const std::optional<T>& value) {
    if (value) *this = Param(*value);
  }

  /// The value as PostgreSQL reads it; nullopt is null.
  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

using Params = std::vector<Param>;

/// How an answer's values travel. Binary is for many bytes, which as text are hexadecimal digits on both sides. It knows text, boolean,
/// integers, double precision, timestamptz, bytea and bigint[]; reading a column of another type is a mistake of the program and aborts.
enum class RowFormat { text, binary };

/// An answer's values, row after row.
struct Cells {
  std::vector<std::string> names;    ///< of the columns
  std::vector<std::uint32_t> types;  ///< PostgreSQL's numbers of them, where values are binary; empty: they are text
  std::vector<std::optional<std::string_view>> values;
  std::shared_ptr<const void> bytes;  ///< what the values lie in
};

/// One row of an answer. A column is named by position or by name; asking for a column that is not
/// there, or for a number that is none, is a mistake of the program and aborts.
class Row {
 public:
  Row(std::shared_ptr<const Cells> cells, std::size_t number) : cells_(std::move(cells)), first_(number * cells_->names.size()) {}

  std::size_t size() const { return cells_->names.size(); }
  std::size_t column(std::string_view name) const;

  bool is_null(std::size_t at) const { return !cell(at); }
  /// Null reads as "", 0, 0.0, false, 1970 and no bytes.
  std::string text(std::size_t at) const;
  std::int64_t i64(std::size_t at) const;
  double f64(std::size_t at) const;
  bool boolean(std::size_t at) const;
  /// Of a timestamptz column.
  UtcTime utc(std::size_t at) const;
  /// Of a bytea column.
  Bytes bytes(std::size_t at) const;
  /// The same without a copy, in binary answers only; valid while the row is.
  ByteView byte_view(std::size_t at) const;
  /// Of a bigint[] column without nulls in it, in binary answers only.
  std::vector<std::int64_t> i64s(std::size_t at) const;
  std::optional<std::string> maybe_text(std::size_t at) const;
  std::optional<std::int64_t> maybe_i64(std::size_t at) const;
  std::optional<double> maybe_f64(std::size_t at) const;
  std::optional<UtcTime> maybe_utc(std::size_t at) const;

  bool is_null(std::string_view name) const { return is_null(column(name)); }
  std::string text(std::string_view name) const { return text(column(name)); }
  std::int64_t i64(std::string_view name) const { return i64(column(name)); }
  double f64(std::string_view name) const { return f64(column(name)); }
  bool boolean(std::string_view name) const { return boolean(column(name)); }
  UtcTime utc(std::string_view name) const { return utc(column(name)); }
  Bytes bytes(std::string_view name) const { return bytes(column(name)); }
  std::optional<std::string> maybe_text(std::string_view name) const { return maybe_text(column(name)); }
  std::optional<std::int64_t> maybe_i64(std::string_view name) const { return maybe_i64(column(name)); }
  std::optional<double> maybe_f64(std::string_view name) const { return maybe_f64(column(name)); }
  std::optional<UtcTime> maybe_utc(std::string_view name) const { return maybe_utc(column(name)); }

 private:
  const std::optional<std::string_view>& cell(std::size_t at) const;
  std::uint32_t binary_type(std::size_t at) const { return cells_->types.empty() ? 0 : cells_->types[at]; }

  std::shared_ptr<const Cells> cells_;
  std::size_t first_;  ///< number of the row's first value
};

/// An answer: its rows, and how many rows the statement touched.
struct Rows {
  std::vector<Row> rows;
  std::int64_t affected = 0;

  bool empty() const { return rows.empty(); }
  std::size_t size() const { return rows.size(); }
  const Row& operator[](std::size_t at) const { return rows[at]; }
  auto begin() const { return rows.begin(); }
  auto end() const { return rows.end(); }
};

}  // namespace ccoc::db
