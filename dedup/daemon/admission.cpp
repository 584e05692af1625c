// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/admission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <system_error>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/units.hpp"

namespace samepage::dedup {
namespace {

Refusal refuse_charge(const CommitCharge& charge, std::uint32_t pages) {
  const std::uint64_t wanted = PageCount{pages}.bytes();
  if (charge.limit == 0 || wanted <= charge.limit - std::min(charge.limit, charge.bytes)) return std::nullopt;
  return fmt::format(
      "guests have been promised {} of the {} that may be, and this one wants {}; end some, add a paging "
      "file, or allow more with 'samepage tune overcommit='",
      format_size(charge.bytes), format_size(charge.limit), format_size(wanted));
}

}  // namespace

Refusal refuse_connection(const AdmissionRules& rules, uid_t uid, std::ptrdiff_t pending) {
  if (pending < rules.user_pending) return std::nullopt;
  return fmt::format("user {} has {} connections that are no guest's; end the processes that hold them", uid,
                     pending);
}

Refusal refuse_user(const AdmissionRules& rules, uid_t uid) {
  if (uid != rules.unmapped_uid) return std::nullopt;
  return fmt::format(
      "samepaged runs in a user namespace that does not tell your user from others (all are {}); run a "
      "daemon "
      "of your own: name a socket of yours with SAMEPAGE_SOCKET",
      uid);
}

Refusal refuse_promise(const AdmissionRules& rules, const PromiseSeeker& promise) {
  if (!rules.trusts(promise.uid) && promise.promises_of_user >= rules.user_guests) {
    return fmt::format(
        "user {} has {} guests that share nothing, as many as samepaged counts for one user; end "
        "some, or start it with more --user-guests",
        promise.uid, promise.promises_of_user);
  }
  return refuse_charge(promise.charge, promise.pages);
}

Refusal refuse_guest(const AdmissionRules& rules, const Applicant& applicant) {
  if (applicant.guests_of_process >= rules.process_guests) {
    return fmt::format("process {} has joined {} times; end it", applicant.pid, applicant.guests_of_process);
  }
  if (!rules.trusts(applicant.uid) && applicant.guests_of_user >= rules.user_guests) {
    return fmt::format(
        "user {} has {} guests, as many as samepaged lets one user have; end some, or start it with more "
        "--user-guests",
        applicant.uid, applicant.guests_of_user);
  }
  if (applicant.pages > applicant.host_pages) {
    return "the guest has more memory than the host; give it less with --mem";
  }
  return refuse_charge(applicant.charge, applicant.pages);
}

Refusal keep_out(const AdmissionRules& rules, const Applicant& applicant) {
  if (!rules.policy) return std::nullopt;
  return rules.policy->refusal_of({.uid = applicant.uid,
                                   .trusted = rules.trusts(applicant.uid),
                                   .label = applicant.label,
                                   .ram = PageCount{applicant.pages}.bytes(),
                                   .guests_of_user = static_cast<std::uint64_t>(applicant.guests_of_user),
                                   .ram_of_user = PageCount{applicant.pages_of_user}.bytes(),
                                   .domains_of_user = applicant.domains_of_user,
                                   .in_domain = applicant.in_domain});
}

std::string account_is_full(uid_t uid, const Account& account) {
  return fmt::format(
      "user {} has {} of the {} of memory that samepaged keeps for one user; end some guests, or start "
      "samepaged with a higher --user-memory (max-held= where a policy has a rule for the user)",
      uid, format_size(account.used()), format_size(account.limit()));
}

std::string why_not_joined(const std::exception& error) {
  if (dynamic_cast<const UserError*>(&error) != nullptr) return error.what();
  const auto* failure = dynamic_cast<const std::system_error*>(&error);
  const std::error_code code = failure == nullptr ? std::error_code() : failure->code();
  if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system) {
    return "samepaged has no file descriptors left (three for each guest); end some guests, or start it "
           "with a higher 'ulimit -n'";
  }
  if (code == std::errc::not_enough_memory || dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "samepaged has no memory or address space left for another guest; end some guests, or start it "
           "with a higher 'ulimit -v'";
  }
  return fmt::format("samepaged could not let the guest in: {}", error.what());
}

}  // namespace samepage::dedup
