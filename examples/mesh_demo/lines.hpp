#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/result.hpp"

namespace ice::mesh {

/// The longest line of signalling, its end not counted. An offer with 100 candidates stays below 20 kB.
inline constexpr std::size_t longest_line = 64 * 1024;

/// Cuts a byte stream into lines, ended by LF or CRLF. What it keeps is bounded by one line.
class LineSplitter {
 public:
  /// Gives the next bytes. Call next() until it has nothing more before the next feed(); `input` must live until then.
  void feed(Bytes input) noexcept;

  /// The next whole line without its end, a view that is valid until the next call. Nothing when more bytes are needed.
  /// errc::limit_reached once a line is longer than longest_line, and from then on: the stream has to be closed.
  result<std::optional<std::string_view>> next();

  /// Bytes kept of a line that is not whole yet.
  std::size_t buffered() const noexcept { return partial_given_ ? 0 : partial_.size(); }

 private:
  std::string_view input_;
  std::string partial_;
  bool partial_given_ = false;
  bool overrun_ = false;
};

}  // namespace ice::mesh
