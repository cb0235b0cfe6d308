#include "mesh_demo/lines.hpp"

#include <cassert>

namespace ice::mesh {
namespace {

std::string_view without_return(std::string_view line) noexcept {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void LineSplitter::feed(Bytes input) noexcept {
  assert(input_.empty() || overrun_);
  input_ = text_of(input);
}

result<std::optional<std::string_view>> LineSplitter::next() {
  if (partial_given_) {
    partial_ = {};
    partial_given_ = false;
  }
  if (overrun_) return fail(errc::limit_reached);
  const std::size_t end = input_.find('\n');
  const std::string_view piece = input_.substr(0, end);
  if (partial_.size() + piece.size() > longest_line) {
    overrun_ = true;
    partial_ = {};
    return fail(errc::limit_reached);
  }
  if (end == std::string_view::npos) {
    partial_ += piece;
    input_ = {};
    return std::optional<std::string_view>{};
  }
  input_.remove_prefix(end + 1);
  if (partial_.empty()) return std::optional{without_return(piece)};
  partial_ += piece;
  partial_given_ = true;
  return std::optional{without_return(partial_)};
}

}  // namespace ice::mesh
