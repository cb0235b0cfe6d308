#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ice/stun/server_lookup.hpp"

namespace ice::test {

/// What DNS has, in a test of stun::ServerLookup.
class DnsZone {
 public:
  DnsZone& a(const std::string& name, const std::string& address) {
    addresses_[name].push_back(*Address::parse(address));
    return *this;
  }
  DnsZone& srv(const std::string& name, stun::SrvRecord record) {
    services_[name].push_back(std::move(record));
    return *this;
  }
  DnsZone& naptr(const std::string& name, stun::NaptrRecord record) {
    pointers_[name].push_back(std::move(record));
    return *this;
  }

  /// Tells it what there is, or that there is none.
  void answer(stun::ServerLookup& lookup, const stun::DnsQuestion& question, TimePoint now = {}) const {
    const auto tell = [&](const auto& records) {
      const auto found = records.find(question.name);
      if (found == records.end()) return lookup.fail(now, question, make_error_code(errc::name_not_resolved));
      lookup.answer(now, question.name, found->second);
    };
    if (question.type == stun::DnsType::srv) {
      tell(services_);
    } else if (question.type == stun::DnsType::naptr) {
      tell(pointers_);
    } else {
      tell(addresses_);
    }
  }

 private:
  std::map<std::string, std::vector<Address>> addresses_;
  std::map<std::string, std::vector<stun::SrvRecord>> services_;
  std::map<std::string, std::vector<stun::NaptrRecord>> pointers_;
};

}  // namespace ice::test
