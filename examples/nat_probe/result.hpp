#pragma once

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "common/language.hpp"
#include "ice/nat/classic.hpp"
#include "ice/nat/discovery.hpp"

namespace ice::nat_probe {

/// What came of one address family.
struct Result {
  nat::Behavior behavior;
  nat::ClassicType classic{};
  std::vector<nat::Observation> observations;
  Duration took{};

  std::size_t sent() const noexcept;  ///< requests, those that were sent again included
};

/// A server, with the URI that led to it, and its first answer.
boost::json::object answer_json(const nat::ServerAnswered& answer, const std::string& uri);

/// The whole, for programs. Words of programs are the same in every language; `advice` is not.
boost::json::object result_json(const Result& result, programs::Language language);

}  // namespace ice::nat_probe
