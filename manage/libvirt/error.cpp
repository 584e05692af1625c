// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/error.hpp"

#include <fmt/format.h>

namespace samepage::libvirt {

Error no_domain(const std::string& what) {
  return {VIR_ERR_NO_DOMAIN, fmt::format("Domain not found: no guest '{}'", what)};
}

Error invalid_operation(const std::string& why) {
  return {VIR_ERR_OPERATION_INVALID, "Requested operation is not valid: " + why};
}

Error no_support(const std::string& function) {
  return {VIR_ERR_NO_SUPPORT, "this function is not supported by the connection driver: " + function};
}

Error unsupported(const std::string& text) {
  return {VIR_ERR_OPERATION_UNSUPPORTED, "Operation not supported: " + text};
}

Error unsupported_flags(const std::string& function, unsigned flags) {
  return {VIR_ERR_INVALID_ARG, fmt::format("unsupported flags ({:#x}) in function {}", flags, function)};
}

Error invalid_argument(const std::string& text) {
  return {VIR_ERR_INVALID_ARG, "invalid argument: " + text};
}

Error malformed_xml(const std::string& text) {
  return {VIR_ERR_XML_DETAIL, text};
}

Error wrong_xml(const std::string& text) {
  return {VIR_ERR_XML_ERROR, "XML error: " + text};
}

Error unsupported_config(const std::string& text) {
  return {VIR_ERR_CONFIG_UNSUPPORTED, "unsupported configuration: " + text};
}

Error in_use(const std::string& text) {
  return {VIR_ERR_OPERATION_FAILED, "operation failed: " + text};
}

Error operation_failed(const std::string& text) {
  return {VIR_ERR_OPERATION_FAILED, "operation failed: " + text};
}

Error timed_out(const std::string& text) {
  return {VIR_ERR_OPERATION_TIMEOUT, "Timed out during operation: " + text};
}

Error read_only(const std::string& function) {
  return {VIR_ERR_OPERATION_DENIED, "operation forbidden: this connection may only read: " + function};
}

Error internal(const std::string& text) {
  return {VIR_ERR_INTERNAL_ERROR, "internal error: " + text};
}

}  // namespace samepage::libvirt
