#pragma once

#include <string>

#include "common/language.hpp"
#include "mesh_demo/call.hpp"

namespace ice::mesh {

/// What happened, and what may help, for people.
struct CauseText {
  programs::Text text;
  programs::Text remedy;
};

/// Of each cause of the closed list.
CauseText text_of(Cause cause) noexcept;
CauseText text_of(DemoCause cause) noexcept;
CauseText text_of(const EndCause& cause) noexcept;

/// The cause that the evidence of an unfinished attempt points to: what ICE would say if it ended now. `none` where the
/// peer's description never came.
Cause cause_so_far(const ConnectivityReport& report) noexcept;

/// The same with the evidence of the attempt: how long it took, what was tried, what came back.
std::string describe(const CallFailed& failed, programs::Language language);
std::string remedy_for(const CallFailed& failed, programs::Language language);

}  // namespace ice::mesh
