#include "ice/io/trace_output.hpp"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <utility>

#include "ice/io/clock.hpp"

namespace ice::io {

TraceOutput::TraceOutput(std::ostream& stream) : TraceOutput{nullptr, &stream} {}

TraceOutput::TraceOutput(std::unique_ptr<std::ostream> owned, std::ostream* stream)
    : owned_{std::move(owned)},
      stream_{stream},
      start_{now()},
      epoch_offset_{std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()) -
                    start_.time_since_epoch()} {}

result<TraceOutput> TraceOutput::open(const std::string& path) {
  errno = 0;
  auto file = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
  if (!*file) return fail(std::error_code{errno != 0 ? errno : EIO, std::system_category()});
  std::ostream* const stream = file.get();
  return TraceOutput{std::move(file), stream};
}

TraceOutput::~TraceOutput() {
  if (stream_ != nullptr) flush();
}

TraceOutput::TraceOutput(TraceOutput&& other) noexcept
    : owned_{std::move(other.owned_)},
      stream_{std::exchange(other.stream_, nullptr)},
      start_{other.start_},
      epoch_offset_{other.epoch_offset_},
      failures_{other.failures_} {}

void TraceOutput::write(Bytes bytes) noexcept try {
  stream_->write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (owned_) stream_->flush();
  if (*stream_) return;
  ++failures_;
  stream_->clear();
} catch (...) {
  ++failures_;
}

void TraceOutput::flush() noexcept try {
  stream_->flush();
  if (*stream_) return;
  ++failures_;
  stream_->clear();
} catch (...) {
  ++failures_;
}

}  // namespace ice::io
