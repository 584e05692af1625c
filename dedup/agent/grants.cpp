// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/grants.hpp"

#include <algorithm>

#include "dedup/agent/frame_files.hpp"

namespace samepage::dedup {

bool is_within(const wire::Grant& grant, std::uint32_t pages, std::uint32_t max_frames) {
  return lies_below(grant.page.value, grant.count, pages) && FrameFiles::are_frames(grant, max_frames);
}

wire::Grant take_front(wire::Grant& grant, std::uint32_t most) {
  const wire::Grant front{grant.page, grant.frame, std::min(grant.count, most)};
  grant = {grant.page + front.count, grant.frame + front.count, grant.count - front.count};
  return front;
}

std::vector<wire::Grant> arranged(std::vector<wire::Grant> grants, std::uint32_t most,
                                  const std::function<PageIndex(PageIndex)>& end_of) {
  std::sort(grants.begin(), grants.end(), wire::by_page);
  std::vector<wire::Grant> pieces;
  for (std::size_t i = 0; i < grants.size();) {
    wire::Grant rest = grants[i++];
    while (i < grants.size() && wire::continues(rest, grants[i])) rest.count += grants[i++].count;
    while (rest.count > 0) {
      const std::uint32_t room = end_of(rest.page) - rest.page;
      pieces.push_back(take_front(rest, std::min(most, room)));
    }
  }
  return pieces;
}

}  // namespace samepage::dedup
