// What was measured, as Markdown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "options.h"

namespace ccoc::bench {

/// Sorted measurements; `at(0.99)` is the 99th percentile.
class Samples {
 public:
  void add(double value) { values_.push_back(value), sorted_ = false; }
  std::size_t size() const { return values_.size(); }
  double at(double fraction) const;
  double max() const { return at(1); }

 private:
  mutable std::vector<double> values_;
  mutable bool sorted_ = true;
};

std::string decimal(double value, int digits = 1);
std::string mebibytes(std::uint64_t bytes);

struct Figure {
  std::string what;
  std::string measured;
  std::string bar;  ///< what issue or design ask; may be empty
  bool met = true;  ///< only looked at with a bar
};

struct Table {
  std::string title;
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;
};

class Report {
 public:
  void add(Figure figure) { figures_.push_back(std::move(figure)); }
  void add(Table table) { tables_.push_back(std::move(table)); }
  void note(std::string text) { notes_.push_back(std::move(text)); }
  bool all_met() const;
  /// With the machine, the versions and the date.
  std::string markdown(const Options& options) const;

 private:
  std::vector<Figure> figures_;
  std::vector<Table> tables_;
  std::vector<std::string> notes_;
};

/// Puts `text` between the markers of that name in the document, which must have them.
Status write_between_markers(const std::string& document, const std::string& name, const std::string& text);

}  // namespace ccoc::bench
