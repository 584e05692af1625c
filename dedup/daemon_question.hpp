// SPDX-License-Identifier: Apache-2.0
// A question to the daemon that is under way. The answer comes piece by piece, and nobody waits for it here:
// callers poll, and so a daemon that hangs holds up none of them.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/message_receiver.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

/// It has hung up without an answer: it has ended, or does not know what it is asked.
class DaemonGone : public UserError {
 public:
  using UserError::UserError;
};

class DaemonQuestion {
 public:
  /// Sends `request` through `socket`, which leads to the daemon on `path`. Empty when that has just gone.
  static std::optional<DaemonQuestion> ask(std::string path, UniqueFd socket, const nlohmann::json& request);

  /// To poll for POLLIN.
  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Reads what there is. True when the answer is whole: take() it. Throws DaemonGone, and UserError when the
  /// daemon refuses, or when what answers is not a samepaged of this version.
  bool receive();
  [[nodiscard]] nlohmann::json take() { return std::move(answer_); }

 private:
  DaemonQuestion(std::string path, UniqueFd socket) : path_(std::move(path)), socket_(std::move(socket)) {}

  std::string path_;
  UniqueFd socket_;
  MessageReceiver message_;
  std::string text_;
  nlohmann::json answer_;
};

}  // namespace samepage::dedup
