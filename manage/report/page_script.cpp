// SPDX-License-Identifier: Apache-2.0
// Shows the values of a picture where the pointer is. All text gets into the page as text, never as HTML.
#include "manage/report/page_parts.hpp"

namespace samepage::report {

std::string_view page_script() {
  return R"js(
'use strict';
(() => {
  const size = bytes => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let value = Math.abs(bytes), unit = 0;
    while (value >= 1024 && unit < 5) { value /= 1024; unit++; }
    return (bytes < 0 ? '-' : '') + (unit ? value.toFixed(1) : value) + ' ' + units[unit];
  };
  const scales = {
    bytes: size,
    per_second: value => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString('en') + '/s',
    percent: value => Math.round(value * 10) / 10 + ' %'
  };
  const elapsed = seconds => {
    if (seconds < 60) return seconds + ' s';
    const whole = Math.round(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ' h ' : '') + minutes + ' min ' + (hours ? '' : whole % 60 + ' s');
  };
  const make = (name, kind, text) => {
    const element = document.createElement(name);
    element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  for (const plot of document.querySelectorAll('.plot')) {
    const {times, series, scale} = JSON.parse(plot.querySelector('script').textContent);
    const end = times[times.length - 1] || 0.1;
    const cursor = plot.appendChild(make('div', 'cursor')), tip = plot.appendChild(make('div', 'tip'));
    cursor.hidden = tip.hidden = true;
    const leave = () => { cursor.hidden = tip.hidden = true; };
    const show = event => {
      const box = plot.getBoundingClientRect();
      const at = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * end;
      let low = 0, high = times.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (times[middle] < at) low = middle + 1; else high = middle;
      }
      if (low > 0 && at - times[low - 1] < times[low] - at) low--;
      tip.replaceChildren(make('b', '', elapsed(times[low])));
      for (const one of series) {
        const line = make('div', '');
        line.append(make('i', 'key ' + one.colour), one.name + ' ');
        line.append(make('b', '', one.values[low] === null ? '–' : scales[scale](one.values[low])));
        tip.append(line);
      }
      cursor.hidden = tip.hidden = false;
      const left = times[low] / end * box.width;
      cursor.style.left = left + 'px';
      const room = left + 12 + tip.offsetWidth <= box.width;
      tip.style.left = Math.max(room ? left + 12 : left - 12 - tip.offsetWidth, 12 - plot.offsetLeft) + 'px';
    };
    plot.addEventListener('pointermove', show);
    plot.addEventListener('pointerdown', show);
    plot.addEventListener('pointerleave', leave);
  }
})();
)js";
}

}  // namespace samepage::report
