#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "common/language.hpp"
#include "common/output.hpp"
#include "nat_matrix/cell.hpp"

namespace ice::matrix {

/// {"event":"cell", a, b, connected, a_type, b_type, ms, findings[{side, cause, text, remedy}]}; the types are there
/// where it is connected.
boost::json::object to_json(const Cell& cell, programs::Language language);

/// {"event":"summary", seed, cells, connected, relayed, failed}; `relayed` counts those connected through a relay.
boost::json::object summary_json(const std::vector<Cell>& cells, std::uint64_t seed);

/// The table, what its cells mean, and why those failed that did. `relay` is what was offered; `full` is the grid of
/// RFC 4787.
std::string render(const std::vector<NatKind>& kinds, const std::vector<Cell>& cells, Relay relay, bool full,
                   const programs::Output& output, programs::Language language);

}  // namespace ice::matrix
