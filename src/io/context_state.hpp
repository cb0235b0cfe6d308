#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "ice/base/trace.hpp"
#include "ice/io/context.hpp"
#include "ice/stun/server_lookup.hpp"
#include "io/send_batch.hpp"
#include "io/tls_context.hpp"
#include "io/udp.hpp"

namespace ice::io::detail {

using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      Context::executor_type>;

class Dns;

/// How DNS is asked. Tests ask a server of their own.
struct DnsSettings {
  std::string servers{};  ///< "ADDRESS:PORT", with commas between; empty for the system's
  /// For the first answer of a server; twice as long each time that all were asked in vain. Those of c-ares since 1.20:
  /// patience of 14 s with one server, while ICE has 39.5 s (RFC 8863 §4).
  std::chrono::milliseconds timeout{2'000};
  int tries = 3;
  Duration service_patience = stun::ServerLookup::default_patience;
};

struct ContextState {
  ContextState(const boost::asio::any_io_executor& executor, TraceSink* sink)
      : strand{make_strand(executor)}, trace{sink} {}

  static boost::asio::any_io_executor make_strand(const boost::asio::any_io_executor& executor);

  Context::executor_type strand;
  CryptoRandom random;
  Pacer pacer;
  TraceSink* trace;
  DnsSettings dns_settings;
  std::weak_ptr<Dns> dns;                 ///< while questions are under way
  std::shared_ptr<const TlsContext> tls;  ///< once it was configured or needed
  const std::shared_ptr<const TlsContext>& tls_context();

  // The strand runs one handler at a time, and a handler is done with both before another reads or sends.
  DatagramBatch batch;
  SendBatch outbox;
  std::array<std::uint8_t, scratch_size> scratch;

  // The same holds for these: what one record brought, and what the parts of a message are put together in. They are
  // two, since what came may be what goes out.
  struct TlsBuffers {
    std::array<std::uint8_t, tls_record_size> plaintext;
    std::array<std::uint8_t, tls_record_size> record;
  };
  TlsBuffers& tls_buffers();

 private:
  std::unique_ptr<TlsBuffers> tls_buffers_;
};

}  // namespace ice::io::detail
