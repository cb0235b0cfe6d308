#include "ice/io/resolver.hpp"

#include <ares.h>
#include <net/if.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <optional>
#include <string_view>

#include "base/hidden.hpp"
#include "ice/io/error.hpp"
#include "io/dns.hpp"
#include "io/operations.hpp"

namespace ice::io {
namespace {

class DnsCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "c-ares"; }
  std::string message(int status) const override { return ares_strerror(status); }
};

/// The address that the text is. Base knows no interfaces, so a zone with a name is looked up here (RFC 4007 §11.2).
std::optional<Address> literal(const std::string& text) {
  if (const auto address = Address::parse(text)) return *address;
  const std::size_t percent = text.find('%');
  if (percent == std::string::npos) return std::nullopt;
  const unsigned index = ::if_nametoindex(text.c_str() + percent + 1);
  const auto address = Address::parse(std::string_view{text}.substr(0, percent));
  if (index == 0 || !address || !address->is_v6()) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address->bytes().begin(), address->bytes().end(), bytes.begin());
  return Address::v6(bytes, index);
}

}  // namespace

const std::error_category& dns_category() noexcept {
  static const DnsCategory category;
  return category;
}

struct ICE_HIDDEN Resolver::Core {
  Context context;
  detail::OpenOperations queries{};
  bool stopped = false;

  void stop() {
    stopped = true;
    queries.cancel_all();
  }
};

Resolver::Resolver(Context context) : core_{std::make_shared<Core>(Core{std::move(context)})} {}

Resolver::~Resolver() {
  if (core_) core_->stop();
}

Resolver::Resolver(Resolver&&) noexcept = default;

Resolver& Resolver::operator=(Resolver&& other) noexcept {
  if (this != &other) {
    if (core_) core_->stop();
    core_ = std::move(other.core_);
  }
  return *this;
}

Context::executor_type Resolver::get_executor() const noexcept { return core_->context.get_executor(); }

void Resolver::start(const std::shared_ptr<Core>& core, std::string host, Handler handler) {
  if (core->stopped) return handler.complete(boost::asio::error::operation_aborted, {});
  if (const auto address = literal(host)) return handler.complete({}, {*address});
  if (!detail::may_be_name(host)) return handler.complete(to_boost(errc::name_not_resolved), {});
  const auto dns = detail::Dns::of(*core->context.state());
  if (!dns) return handler.complete(to_boost(dns.error()), {});

  const auto query = (*dns)->ask<Address>(host, std::move(handler));
  if (!query->answer) return;
  detail::on_cancel(query->answer, core->context.get_executor(), [weak = std::weak_ptr{query}] {
    if (const auto cancelled = weak.lock()) cancelled->cancel();
  });
  core->queries.add(query);
}

}  // namespace ice::io
