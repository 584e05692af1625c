// SPDX-License-Identifier: Apache-2.0
// Colours are by what they stand for, the same in all pictures: a guest's own memory, what it shares, its
// zero pages, what it never touched. They are told apart without red and green, and each is named beside it.
// Tiles fill their rows, which have room for four, or for two: the first is as wide as two, and so is the
// last where one would be missing.
#include "manage/report/page_parts.hpp"

namespace samepage::report {

std::string_view page_style() {
  return R"css(
:root{color-scheme:light dark;--page:#f6f5f2;--card:#fff;--ink:#16150f;--soft:#55534b;--faint:#6f6d65;
--grid:#e6e4dd;--line:#bdbab0;--own:#e0672f;--shared:#2a78d6;--zero:#1a9e70;--untouched:#d6d4cc;
--net:#5b46c4;--kernel:#16150f;--without:#8d8a80;--breaks:#cf3f3f;--agents:#5b46c4;--daemon:#c98500;
--heat:42 120 214;--good:#0a7a0a}
@media(prefers-color-scheme:dark){:root{--page:#111110;--card:#1b1b19;--ink:#f4f3ee;--soft:#bfbcb2;--faint:#96938a;
--grid:#2d2d2a;--line:#4a4944;--own:#e2713c;--shared:#4a92ea;--zero:#22a878;--untouched:#45443f;
--net:#9a8cf0;--kernel:#f4f3ee;--without:#8d8a80;--breaks:#e86a6a;--agents:#9a8cf0;--daemon:#d99a1c;
--heat:74 146 234;--good:#4fbf4f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;
overflow-wrap:anywhere}
main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px}
h2{font-size:19px;line-height:1.3;margin:40px 0 4px}
h3{font-size:15px;line-height:1.3;margin:0}
p{margin:0}
.lead{color:var(--soft)}
h2+.lead{margin-bottom:12px;max-width:72ch}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px;margin:20px 0 0;padding:0}
.tile{background:var(--card);border-radius:10px;padding:12px 14px;min-width:0}
.tile dt{color:var(--soft);font-size:13px}
.tile dd{margin:0;font-size:20px;line-height:1.3;font-weight:600;overflow-wrap:normal}
.tile dd+dd{font-size:13px;font-weight:400;color:var(--soft);line-height:1.4}
.tile.first,.tile:last-child:nth-child(even){grid-column:span 2}
.tile dd:nth-of-type(1){white-space:nowrap}
.tile.first dd:nth-of-type(1){font-size:36px;line-height:1.15}
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}
figure,.card{background:var(--card);border-radius:10px;padding:16px;margin:0 0 16px;min-width:0}
.two figure{margin:0 0 16px}
figcaption p{color:var(--soft);font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;margin:8px 0 0;padding:0;font-size:13px;
color:var(--soft)}
.legend b{color:var(--ink);font-weight:600;white-space:nowrap}
.legend li{display:inline-flex;align-items:center;gap:6px;flex-wrap:wrap}
.key{display:inline-block;width:12px;height:12px;border-radius:3px;background:var(--c);flex:none}
.key.of-line{height:0;border-radius:0;border-top:3px solid var(--c);width:16px;background:none}
.key.dashed{border-top-style:dotted}
.own{--c:var(--own)}.shared{--c:var(--shared)}.zero{--c:var(--zero)}.untouched{--c:var(--untouched)}
.net{--c:var(--net)}.kernel{--c:var(--kernel)}.without{--c:var(--without)}.breaks{--c:var(--breaks)}
.agents{--c:var(--agents)}.daemon{--c:var(--daemon)}.saved{--c:var(--zero)}.counted{--c:var(--own)}
.plot{position:relative;margin:14px 0 26px 76px;height:220px}
.area{position:absolute;inset:0}
svg{display:block;width:100%;height:100%;overflow:visible}
path{vector-effect:non-scaling-stroke;fill:none}
.grid{stroke:var(--grid);stroke-width:1}
.grid.zero{--c:none;stroke:var(--line)}
.line{stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.line.dashed{stroke-dasharray:2 5}
.band{fill:var(--c);stroke:var(--card);stroke-width:1}
.y span,.x span{position:absolute;color:var(--faint);font-size:12px;line-height:16px;white-space:nowrap;
font-variant-numeric:tabular-nums}
.y span{right:calc(100% + 8px);transform:translateY(-50%)}
.x span{top:calc(100% + 6px);transform:translateX(-50%)}
.x span.end{transform:translateX(-90%)}
.x span.begin{transform:none}
.cursor{position:absolute;top:0;bottom:0;width:1px;background:var(--line);pointer-events:none}
.tip{position:absolute;top:4px;z-index:1;background:var(--card);color:var(--ink);border:1px solid var(--line);
border-radius:8px;padding:6px 10px;font-size:12px;line-height:1.5;pointer-events:none;white-space:nowrap;
box-shadow:0 2px 8px rgb(0 0 0/.15)}
.tip b{font-weight:600}
.tip i{margin-right:6px;width:9px;height:9px}
[hidden]{display:none!important}
summary{cursor:pointer;color:var(--soft);font-size:13px}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--shared);outline-offset:2px}
details[open]>summary{margin-bottom:8px}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;overflow-wrap:normal}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap;font-weight:400}
thead th{color:var(--soft);vertical-align:bottom}
th:first-child{text-align:left;padding-left:0}
td.word,th.word{text-align:left}
tbody th{max-width:240px;overflow:hidden;text-overflow:ellipsis}
tfoot th,tfoot td{font-weight:600;border-bottom:0}
.guests{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:12px;margin-top:12px}
.guest{background:var(--card);border-radius:10px;padding:12px;min-width:0}
.guest h3{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.guest p{color:var(--soft);font-size:12px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.guest .picture{height:72px;margin:8px 0 6px;border-bottom:1px solid var(--line)}
.matrix td,.matrix thead th{padding:0;text-align:center;border:0;min-width:46px;height:30px}
.matrix td{border:1px solid var(--card);font-size:12px}
.matrix th:first-child{padding-right:12px;position:sticky;left:0;background:var(--card);border:0}
.matrix td.self{outline:1px solid var(--line);outline-offset:-2px;color:var(--soft)}
.matrix td{background:rgb(var(--heat)/var(--h,0))}
.matrix.dense td,.matrix.dense thead th{min-width:24px;height:22px;font-size:11px}
.bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:6px 10px;align-items:center;font-size:13px;
margin:14px 0 12px}
.bars .bar{height:14px;border-radius:0 4px 4px 0;background:var(--shared);min-width:2px}
.bars .none{height:14px}
.bars span{white-space:nowrap;font-variant-numeric:tabular-nums}
.bars .long{color:var(--soft);text-align:right}
.note{color:var(--soft);font-size:13px}
footer{margin-top:40px;color:var(--faint);font-size:13px}
@media(max-width:760px){main{padding:16px 12px 32px}h1{font-size:22px}h2{margin-top:32px}
.two{grid-template-columns:minmax(0,1fr);gap:0}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:8px}.tile{padding:10px 12px}.tile dd{font-size:18px}
.tile.first dd:nth-of-type(1){font-size:30px}
figure,.card{padding:12px}.plot{margin-left:66px;height:180px}
.y span,.x span{font-size:11px}.x span:nth-child(even):not(:last-child){display:none}
.guests{grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px}tbody th{max-width:130px}}
@media print{body{background:none}figure,.card,.tile,.guest{border:1px solid #ccc;break-inside:avoid}}
)css";
}

}  // namespace samepage::report
