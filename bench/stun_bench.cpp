// The codec on three messages: (a) a plain Binding request, (b) a connectivity check, (c) its success response. Beside
// each the cryptography in it alone: HMAC-SHA1 over the same bytes with the key schedule kept, and the CRC-32; and the
// codec of libnice, where that is installed. "allocations" counts operator new
// over all rounds.
//
// Ratios only mean something within one run, of medians of interleaved rounds:
//   stun_bench --benchmark_enable_random_interleaving --benchmark_repetitions=9 --benchmark_report_aggregates_only

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "base/crypto.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "support/allocations.hpp"

#ifdef ICE_BENCH_LIBNICE
#include <netinet/in.h>
#include <stun/stunagent.h>
#endif

namespace ice::stun {
namespace {

constexpr std::string_view username = "9uB6:evtj";
constexpr std::string_view password = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::uint32_t priority = 0x6e0001ff;
constexpr std::uint64_t tie_breaker = 0x932ff9b151263b36;
constexpr Endpoint mapped{Address::v4(192, 0, 2, 1), 32853};
constexpr TransactionId id{{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}};

const Credential credential = *Credential::short_term(password);

using Buffer = std::array<std::uint8_t, 256>;

// The three messages, as they are written and as they are read.

struct PlainRequest {
  static Bytes encode(MutableBytes out) { return *Builder{out, Method::binding, Class::request, id}.finish(); }
  static bool read(Bytes in) {
    const auto message = Message::parse(in);
    return message && message->is(Method::binding, Class::request);
  }
};

struct Check {
  static Bytes encode(MutableBytes out) {
    return *Builder{out, Method::binding, Class::request, id}
                .add<attr::Username>(username)
                .add<attr::Priority>(priority)
                .add<attr::IceControlling>(tie_breaker)
                .integrity(credential)
                .fingerprint()
                .finish();
  }
  static bool read(Bytes in) {
    const auto message = Message::parse(in);
    if (!message || !message->check_fingerprint()) return false;
    const auto trusted = message->authenticate(credential);
    return trusted && *trusted->get<attr::Username>() == username && *trusted->get<attr::Priority>() == priority &&
           *trusted->get<attr::IceControlling>() == tie_breaker;
  }
};

struct Response {
  static Bytes encode(MutableBytes out) {
    return *Builder{out, Method::binding, Class::success_response, id}
                .add<attr::XorMappedAddress>(mapped)
                .integrity(credential)
                .fingerprint()
                .finish();
  }
  static bool read(Bytes in) {
    const auto message = Message::parse(in);
    if (!message || !message->check_fingerprint()) return false;
    const auto trusted = message->authenticate(credential);
    return trusted && *trusted->get<attr::XorMappedAddress>() == mapped;
  }
};

/// Times `work` and counts what it allocates.
void measure(benchmark::State& state, auto work) {
  const test::Allocations allocations;
  for (auto _ : state) work();
  state.counters["allocations"] = static_cast<double>(allocations.count());
}

template <class What>
void encode(benchmark::State& state) {
  Buffer out;
  measure(state, [&] { benchmark::DoNotOptimize(What::encode(out)); });
}

template <class What>
void read(benchmark::State& state) {
  Buffer out;
  const Bytes message = What::encode(out);
  if (!What::read(message)) state.SkipWithError("the message does not verify");
  measure(state, [&] {
    const std::uint8_t* data = message.data();
    benchmark::DoNotOptimize(data);
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(What::read({data, message.size()}));
  });
}

template <class What>
void crypto_alone(benchmark::State& state) {
  Buffer out;
  const Bytes message = What::encode(out);
  const crypto::HmacSha1 hmac{bytes_of(password)};
  constexpr std::size_t fingerprint = 8;
  constexpr std::size_t integrity = 24;
  measure(state, [&] {
    const std::uint8_t* data = message.data();
    benchmark::DoNotOptimize(data);
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(hmac({Bytes{data, message.size() - fingerprint - integrity}}));
    benchmark::DoNotOptimize(crypto::crc32({data, message.size() - fingerprint}));
  });
}

BENCHMARK(encode<PlainRequest>);
BENCHMARK(read<PlainRequest>);
BENCHMARK(crypto_alone<Check>);
BENCHMARK(encode<Check>);
BENCHMARK(read<Check>);
BENCHMARK(crypto_alone<Response>);
BENCHMARK(encode<Response>);
BENCHMARK(read<Response>);

#ifdef ICE_BENCH_LIBNICE
// libnice asks for the key by user name, and remembers the ids of the requests it has written to match responses: the
// figures are of what its users do.

std::uint8_t* unsigned_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

bool find_password(StunAgent*, StunMessage*, std::uint8_t*, std::uint16_t, std::uint8_t** key, std::size_t* size,
                   void*) {
  *key = unsigned_of(password);
  *size = password.size();
  return true;
}

StunAgent make_nice_agent(bool with_credentials) {
  static const std::uint16_t known[] = {STUN_ATTRIBUTE_USERNAME,
                                        STUN_ATTRIBUTE_PRIORITY,
                                        STUN_ATTRIBUTE_ICE_CONTROLLING,
                                        STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
                                        STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                        STUN_ATTRIBUTE_FINGERPRINT,
                                        0};
  StunAgent agent;
  const int usage = with_credentials ? STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT
                                     : STUN_AGENT_USAGE_IGNORE_CREDENTIALS;
  stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389, static_cast<StunAgentUsageFlags>(usage));
  return agent;
}

struct NicePlainRequest {
  static constexpr bool signs = false;
  static std::size_t encode(StunAgent& agent, Buffer& out) {
    StunMessage message;
    stun_agent_init_request(&agent, &message, out.data(), out.size(), STUN_BINDING);
    const std::size_t size = stun_agent_finish_message(&agent, &message, nullptr, 0);
    forget(agent, message);
    return size;
  }
  static void forget(StunAgent& agent, const StunMessage& message) {
    StunTransactionId transaction;
    stun_message_id(&message, transaction);
    stun_agent_forget_transaction(&agent, transaction);
  }
};

struct NiceCheck {
  static constexpr bool signs = true;
  static std::size_t encode(StunAgent& agent, Buffer& out) {
    StunMessage message;
    stun_agent_init_request(&agent, &message, out.data(), out.size(), STUN_BINDING);
    stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, username.data(), username.size());
    stun_message_append32(&message, STUN_ATTRIBUTE_PRIORITY, priority);
    stun_message_append64(&message, STUN_ATTRIBUTE_ICE_CONTROLLING, tie_breaker);
    const std::size_t size = stun_agent_finish_message(&agent, &message, unsigned_of(password), password.size());
    NicePlainRequest::forget(agent, message);
    return size;
  }
};

/// Encoded as the answer to a check that was read before.
struct NiceResponse {
  static constexpr bool signs = true;
  static std::size_t encode(StunAgent& agent, Buffer& out) {
    static Buffer request_bytes;
    static StunMessage request = [] {
      StunAgent asking = make_nice_agent(true);
      const std::size_t size = NiceCheck::encode(asking, request_bytes);
      StunAgent answering = make_nice_agent(true);
      StunMessage message;
      stun_agent_validate(&answering, &message, request_bytes.data(), size, find_password, nullptr);
      return message;
    }();
    sockaddr_storage address{};
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(address);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(mapped.port);
    std::copy(mapped.address.bytes().begin(), mapped.address.bytes().end(),
              reinterpret_cast<std::uint8_t*>(&ipv4.sin_addr));
    StunMessage message;
    stun_agent_init_response(&agent, &message, out.data(), out.size(), &request);
    stun_message_append_xor_addr(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address, sizeof ipv4);
    return stun_agent_finish_message(&agent, &message, unsigned_of(password), password.size());
  }
};

template <class What>
void libnice_encode(benchmark::State& state) {
  StunAgent agent = make_nice_agent(What::signs);
  Buffer out;
  if (What::encode(agent, out) == 0) state.SkipWithError("libnice does not write it");
  for (auto _ : state) benchmark::DoNotOptimize(What::encode(agent, out));
}

// Requests only: a response is matched with a request in the same step, and could not be read twice.
template <class What>
void libnice_read(benchmark::State& state) {
  StunAgent agent = make_nice_agent(What::signs);
  Buffer out;
  const std::size_t size = What::encode(agent, out);
  StunMessage message;
  if (stun_agent_validate(&agent, &message, out.data(), size, find_password, nullptr) != STUN_VALIDATION_SUCCESS)
    state.SkipWithError("libnice does not take its own message");
  for (auto _ : state)
    benchmark::DoNotOptimize(stun_agent_validate(&agent, &message, out.data(), size, find_password, nullptr));
}

BENCHMARK(libnice_encode<NicePlainRequest>);
BENCHMARK(libnice_read<NicePlainRequest>);
BENCHMARK(libnice_encode<NiceCheck>);
BENCHMARK(libnice_read<NiceCheck>);
BENCHMARK(libnice_encode<NiceResponse>);
#endif

}  // namespace
}  // namespace ice::stun
