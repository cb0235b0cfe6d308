#include "mesh_demo/stdin_lines.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <chrono>

namespace ice::mesh {
namespace {

constexpr std::chrono::milliseconds until_asked_again{100};
constexpr std::size_t buffer_size = 4096;

}  // namespace

StdinLines::StdinLines(const boost::asio::any_io_executor& executor, Handlers handlers)
    : handlers_{std::move(handlers)},
      input_{executor},
      timer_{executor},
      flags_{::fcntl(STDIN_FILENO, F_GETFL)},
      buffer_(buffer_size) {}

StdinLines::~StdinLines() {
  // Asio makes it non-blocking, and whoever else has the terminal open would find it so.
  if (flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, flags_);
}

void StdinLines::start() {
  if (flags_ < 0) return;  // closed
  boost::system::error_code error;
  const int own = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return;
  input_.assign(own, error);
  if (error)
    ::close(own);
  else
    wait();
}

void StdinLines::wait() {
  input_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    // A file cannot be waited for and need not be.
    if (!error || error == boost::asio::error::operation_not_supported) read();
  });
}

void StdinLines::pause() {
  timer_.expires_after(until_asked_again);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && hand_over()) wait();
  });
}

void StdinLines::read() {
  const ssize_t size = ::read(input_.native_handle(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return wait();
  if (size == 0 && lines_.buffered() > 0)
    lines_.feed(bytes_of("\n"));  // the end also ends the last line
  else if (size > 0)
    lines_.feed({buffer_.data(), static_cast<std::size_t>(size)});
  else
    return;  // which is no reason to leave
  if (hand_over()) wait();
}

bool StdinLines::hand_over() {
  for (;;) {
    if (!handlers_.may_read()) {
      pause();
      return false;
    }
    const auto line = lines_.next();
    if (!line) {
      handlers_.too_long();
      return false;
    }
    if (!*line) return true;
    handlers_.line(**line);
  }
}

}  // namespace ice::mesh
