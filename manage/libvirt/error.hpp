// SPDX-License-Identifier: Apache-2.0
// What is thrown where a libvirt client is refused something: the number that it decides by, and the sentence
// that it shows. The server answers the call with it; nothing else ends.
#pragma once

#include <libvirt/virterror.h>

#include <stdexcept>
#include <string>

namespace samepage::libvirt {

class Error : public std::runtime_error {
 public:
  Error(virErrorNumber code, const std::string& text, virErrorDomain domain = VIR_FROM_DOMAIN)
      : std::runtime_error(text), code_(code), domain_(domain) {}
  [[nodiscard]] virErrorNumber code() const { return code_; }
  /// The part of libvirt that would have found it. Clients name it in their logs and do not decide by it.
  [[nodiscard]] virErrorDomain domain() const { return domain_; }

 private:
  virErrorNumber code_;
  virErrorDomain domain_;
};

// `what` is a name, an id or a UUID as text.
Error no_domain(const std::string& what);
/// The guest is in the wrong state for this: `why` follows "Requested operation is not valid: ".
Error invalid_operation(const std::string& why);
/// We don't have the call `function` ("virDomainFoo"). Clients then try an older call.
Error no_support(const std::string& function);
/// We have the call, but not this variant of it. Clients show the text and try nothing else.
Error unsupported(const std::string& text);
/// A flag or a combination of flags that the call does not take.
Error unsupported_flags(const std::string& function, unsigned flags);
/// A value that makes no sense.
Error invalid_argument(const std::string& text);
/// Text that is not XML; an element that is wrong or missing; one that is right but that we don't have.
Error malformed_xml(const std::string& text);
Error wrong_xml(const std::string& text);
Error unsupported_config(const std::string& text);
/// The name or the UUID is another guest's.
Error in_use(const std::string& text);
Error operation_failed(const std::string& text);
Error timed_out(const std::string& text);
/// The connection may only read.
Error read_only(const std::string& function);
/// Something of ours or of the host's failed.
Error internal(const std::string& text);

}  // namespace samepage::libvirt
