#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/command_line.hpp"
#include "ice/base/endpoint.hpp"

namespace ice::programs {

/// What the world sees in place of a local address, where a 1:1 NAT stands before a server: "PUBLIC" for every local
/// address of its family, or "PUBLIC/LOCAL" for one.
struct ExternalAddress {
  Address external;
  Address local;  ///< none: any

  static std::optional<ExternalAddress> parse(std::string_view text) noexcept;
};

/// What the world sees in place of `local`; none where nothing was said of it. Loopback is never seen by the world.
Address external_of(const Address& local, std::span<const ExternalAddress> externals) noexcept;

/// Adds --external-ip, which may be given several times.
void add_external_option(CLI::App& app, std::vector<ExternalAddress>& externals);

}  // namespace ice::programs
