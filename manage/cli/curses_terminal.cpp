// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/curses_terminal.hpp"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/check.hpp"
#include "base/process_setup.hpp"

// Its macros have names such as move and clear.
#define NCURSES_NOMACROS 1
#include <curses.h>

namespace samepage::cli {
namespace {

constexpr short good_colours = 1;
constexpr short bad_colours = 2;
constexpr int escape_delay_ms = 50;

// What the user's locale can show. A program without shared libraries may lack the locale; UTF-8 it knows.
top::Glyphs take_locale() {
  if (std::setlocale(LC_CTYPE, "") == nullptr) {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
      const char* value = std::getenv(name);
      if (value == nullptr || *value == '\0') continue;
      if (std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr) {
        std::setlocale(LC_CTYPE, "C.UTF-8");
      }
      break;
    }
  }
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8" ? top::Glyphs::blocks : top::Glyphs::ascii;
}

// A capability of the terminal, without the delays that slow terminals wanted.
std::string capability(const char* name) {
  const char* value = ::tigetstr(name);
  if (value == nullptr || reinterpret_cast<std::intptr_t>(value) == -1) return {};
  std::string text(value);
  for (std::size_t at; (at = text.find("$<")) != std::string::npos;) {
    const std::size_t end = text.find('>', at);
    text.erase(at, end == std::string::npos ? end : end - at + 1);
  }
  return text;
}

attr_t attributes_of(top::Style style) {
  switch (style) {
    case top::Style::plain:
      return A_NORMAL;
    case top::Style::strong:
      return A_BOLD;
    case top::Style::faint:
      return A_DIM;
    case top::Style::head:
      return A_UNDERLINE;
    case top::Style::selected:
      return A_REVERSE;
    case top::Style::good:
      return A_BOLD | static_cast<attr_t>(COLOR_PAIR(good_colours));
    case top::Style::bad:
      return A_BOLD | static_cast<attr_t>(COLOR_PAIR(bad_colours));
  }
  return A_NORMAL;
}

void take_colours() {
  const char* unwanted = std::getenv("NO_COLOR");
  if (!::has_colors() || (unwanted != nullptr && *unwanted != '\0')) return;
  ::start_color();
  ::use_default_colors();
  ::init_pair(good_colours, COLOR_GREEN, -1);
  ::init_pair(bad_colours, COLOR_RED, -1);
}

top::Key key_of(int code) {
  switch (code) {
    case KEY_UP:
      return top::keys::up;
    case KEY_DOWN:
      return top::keys::down;
    case KEY_PPAGE:
      return top::keys::page_up;
    case KEY_NPAGE:
      return top::keys::page_down;
    case KEY_HOME:
      return top::keys::home;
    case KEY_END:
      return top::keys::end;
    case KEY_BACKSPACE:
      return top::keys::backspace;
    case KEY_ENTER:
      return top::keys::enter;
    default:
      return code < KEY_CODE_YES ? code : 0;
  }
}

}  // namespace

CursesTerminal::CursesTerminal() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    throw UserError(
        "top needs a terminal for its keys and its screen; for scripts there are --once, --csv and --json");
  }
  sigset_t mask{};
  sigemptyset(&mask);
  for (const int signal : {SIGWINCH, SIGTSTP, SIGCONT}) {
    if (!is_ignored(signal)) sigaddset(&mask, signal);
  }
  check(::pthread_sigmask(SIG_BLOCK, &mask, &former_mask_) == 0 ? 0 : -1, "pthread_sigmask");
  // Curses would ignore SIGTSTP while it draws, and a Ctrl-Z that waits to be read would be lost. It leaves
  // a signal alone that has a handler before curses starts.
  struct sigaction handled {};
  check(::sigaction(SIGTSTP, nullptr, &former_stop_), "sigaction");
  if (former_stop_.sa_handler == SIG_DFL) {
    handled.sa_handler = [](int) {};
    check(::sigaction(SIGTSTP, &handled, nullptr), "sigaction");
  }
  signals_ = checked_fd(::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
  take_over();
}

void CursesTerminal::take_over() {
  termios before{};
  check(::tcgetattr(STDOUT_FILENO, &before), "tcgetattr");
  glyphs_ = take_locale();
  const char* type = std::getenv("TERM");
  if (::newterm(nullptr, stdout, stdin) == nullptr || capability("cup").empty()) {
    throw UserError(
        std::string("the terminal '") + (type == nullptr ? "" : type) +
        "' is not known here, or can't place text; set TERM to one that is (such as vt100), or use --once");
  }
  farewell_ = capability("rmkx") + capability("sgr0") + capability("cnorm") + capability("rmcup");
  guard_.emplace(STDOUT_FILENO, before, farewell_);
  ::set_escdelay(escape_delay_ms);
  ::cbreak();
  ::noecho();
  ::nonl();
  ::nodelay(stdscr, true);
  ::keypad(stdscr, true);
  ::curs_set(0);
  take_colours();
}

CursesTerminal::~CursesTerminal() {
  // A process in the background would be stopped here, and leave the screen as it is.
  sigset_t background{};
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &background, nullptr);
  ::endwin();
  guard_.reset();
  // What came meanwhile was meant for what ends here.
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) > 0) {
  }
  ::sigaction(SIGTSTP, &former_stop_, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

top::Size CursesTerminal::size() const {
  return {static_cast<std::size_t>(::getmaxx(stdscr)), static_cast<std::size_t>(::getmaxy(stdscr))};
}

bool CursesTerminal::takes_output() {
  pollfd wait{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&wait, 1, 0) > 0;
}

void CursesTerminal::draw(std::span<const top::Line> screen) {
  ::werase(stdscr);
  for (std::size_t y = 0; y < screen.size(); ++y) {
    ::wmove(stdscr, static_cast<int>(y), 0);
    for (const top::Span& span : screen[y]) {
      ::wattrset(stdscr, static_cast<int>(attributes_of(span.style)));
      ::waddnstr(stdscr, span.text.data(), static_cast<int>(span.text.size()));
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

std::optional<top::Key> CursesTerminal::key() {
  for (int code; (code = ::wgetch(stdscr)) != ERR;) {
    if (const top::Key key = key_of(code); key != 0) return key;
  }
  return std::nullopt;
}

void CursesTerminal::serve_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGTSTP) stop();
    // The shell has set the terminal for itself, also when something else than Ctrl-Z stopped us.
    if (signal == SIGCONT) {
      ::reset_prog_mode();
      ::clearok(::curscr, true);
    }
    set_size();
  }
}

void CursesTerminal::stop() {
  ::endwin();
  struct sigaction former {};
  struct sigaction stopping {};
  stopping.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &stopping, &former);
  sigset_t mask{};
  sigemptyset(&mask);
  sigaddset(&mask, SIGTSTP);
  ::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);  // here it stops
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  ::sigaction(SIGTSTP, &former, nullptr);
  ::clearok(::curscr, true);
  ::wrefresh(stdscr);
}

void CursesTerminal::set_size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0) return;
  if (::is_term_resized(window.ws_row, window.ws_col)) ::resizeterm(window.ws_row, window.ws_col);
  ::clearok(::curscr, true);
}

}  // namespace samepage::cli
