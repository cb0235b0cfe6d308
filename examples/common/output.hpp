#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ice::programs {

enum class Colour : std::uint8_t { none, red, green, yellow, cyan, dim, bold };

/// Standard output, either for people or, with `--json`, for programs. Every line is written whole and at once, also
/// where standard output is a pipe, and also where somebody made it non-blocking.
///
/// On a terminal there may be colours (unless NO_COLOR is set, no-color.org) and a last line that shows progress and is
/// replaced. Elsewhere neither leaves a trace.
///
/// When nobody can read it any more, because it is a pipe whose other end was closed, the process gets SIGTERM, once.
class Output {
 public:
  /// `fd` must outlive it.
  explicit Output(int fd);
  /// Clears the line of progress.
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  bool is_terminal() const noexcept { return terminal_; }

  /// The text in the colour, or as it is where there are no colours.
  std::string paint(Colour colour, std::string_view text) const;

  /// One line, or several with newlines between them, above the line of progress.
  void line(std::string_view text);

  /// Shows this as the line of progress; empty takes it away. Not more than the width of a terminal is shown.
  void progress(std::string_view text);

  /// One object, as one line.
  void json(const boost::json::object& object);

 private:
  void write(std::string_view bytes) noexcept;

  int fd_;
  bool terminal_;
  bool colours_;
  std::string progress_;
  bool unread_ = false;
};

}  // namespace ice::programs
