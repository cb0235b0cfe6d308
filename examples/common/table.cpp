#include "common/table.hpp"

#include <algorithm>
#include <cassert>

#include "common/utf8.hpp"

namespace ice::programs {

std::string Table::render(const Output& output) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    assert(row.size() <= columns_.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  std::string out;
  for (const auto& row : rows_) {
    if (!out.empty()) out += '\n';
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - display_width(row[i].text), ' ');
      const std::string text = output.paint(row[i].colour, row[i].text);
      if (i > 0) out += "  ";
      if (columns_[i] == Align::right) {
        out.append(space).append(text);
      } else {
        out += text;
        if (i + 1 < row.size()) out += space;  // nothing trails a line
      }
    }
  }
  return out;
}

}  // namespace ice::programs
