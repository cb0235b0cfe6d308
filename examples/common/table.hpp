#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/output.hpp"

namespace ice::programs {

/// Cells in columns as wide as their widest cell, two spaces apart.
class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Cell {
    std::string text;
    Colour colour = Colour::none;
  };

  explicit Table(std::vector<Align> columns) : columns_{std::move(columns)} {}

  /// At most as many cells as there are columns.
  void add_row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

  /// The rows as text, a newline between them, painted as `output` paints.
  std::string render(const Output& output) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace ice::programs
