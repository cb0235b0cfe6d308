#include "common/output.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "common/utf8.hpp"

namespace ice::programs {
namespace {

constexpr std::string_view clear_line = "\r\x1b[K";

std::string_view escape_of(Colour colour) noexcept {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::red:
      return "\x1b[31m";
    case Colour::green:
      return "\x1b[32m";
    case Colour::yellow:
      return "\x1b[33m";
    case Colour::cyan:
      return "\x1b[36m";
    case Colour::dim:
      return "\x1b[2m";
    case Colour::bold:
      return "\x1b[1m";
  }
  return "";
}

std::size_t columns_of(int fd) noexcept {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

/// As much of the text as fits into `columns`.
std::string_view fitting(std::string_view text, std::size_t columns) noexcept {
  while (display_width(text) > columns) {
    text.remove_suffix(1);
    while (!text.empty() && !is_utf8(text)) text.remove_suffix(1);
  }
  return text;
}

bool no_colour_wanted() noexcept {
  const char* const wish = std::getenv("NO_COLOR");
  return wish != nullptr && *wish != '\0';
}

}  // namespace

Output::Output(int fd) : fd_{fd}, terminal_{::isatty(fd) == 1}, colours_{terminal_ && !no_colour_wanted()} {}

Output::~Output() { progress(""); }

std::string Output::paint(Colour colour, std::string_view text) const {
  if (!colours_ || colour == Colour::none) return std::string{text};
  return std::string{escape_of(colour)}.append(text).append("\x1b[0m");
}

void Output::line(std::string_view text) {
  std::string bytes;
  if (!progress_.empty()) bytes += clear_line;
  bytes.append(text).append("\n").append(progress_);
  write(bytes);
}

void Output::progress(std::string_view text) {
  if (!terminal_ || text == progress_) return;
  progress_ = fitting(text, columns_of(fd_) - 1);
  write(std::string{clear_line}.append(progress_));
}

void Output::json(const boost::json::object& object) { write(boost::json::serialize(object).append("\n")); }

void Output::write(std::string_view bytes) noexcept {
  while (!bytes.empty() && !unread_) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Terminals share their flags: who reads standard input without blocking has made this non-blocking as well.
      pollfd room{fd_, POLLOUT, 0};
      static_cast<void>(::poll(&room, 1, -1));
    } else if (errno != EINTR) {
      // Who reads no more wants no more. The program ends as if it had been told to, with a goodbye to its peers.
      unread_ = true;
      static_cast<void>(std::raise(SIGTERM));
    }
  }
}

}  // namespace ice::programs
