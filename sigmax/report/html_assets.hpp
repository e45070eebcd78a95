// Style and script of the HTML report: constants, into which nothing from a checkpoint goes. Internal to report/.
#pragma once

#include <string_view>

namespace sigmax::report {

inline constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1b1d21;--soft:#666b74;--line:#e3e4e8;--hover:#f2f5fb;
--accent:#2f5fd0;--good:#1a7f4b;--caution:#a86200;--alarm:#c4221a;--alarm-back:#fdeceb}
@media (prefers-color-scheme:dark){:root{--page:#14161a;--card:#1b1e24;--ink:#e6e8ec;--soft:#98a0ad;--line:#2c313a;
--hover:#232833;--accent:#86a8ff;--good:#5cc98f;--caution:#e5b05a;--alarm:#ff7a70;--alarm-back:#3a1f1f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.2rem 1.6rem 3rem;max-width:1720px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif}
h1{margin:0;font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
h2{margin:2.2rem 0 .6rem;font-size:1.08rem}
.facts{margin:.35rem 0 0;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.8rem;margin:1.4rem 0 0}
.card{padding:.8rem 1rem;border:1px solid var(--line);border-radius:8px;background:var(--card);min-width:0}
.card b{display:block;font-size:1.35rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.82rem;overflow-wrap:anywhere}
.card.alarm{border-color:var(--alarm);background:var(--alarm-back)}
.card.alarm b{color:var(--alarm)}
.chart{margin:1.6rem 0 0;padding:.8rem 1rem .7rem;border:1px solid var(--line);border-radius:8px;background:var(--card)}
.chart figcaption{display:flex;justify-content:space-between;gap:1rem;margin-bottom:.5rem;color:var(--soft);
font-size:.82rem}
.chart svg{display:block;width:100%;height:110px}
.proven{fill:var(--accent)}.probabilistic{fill:var(--caution)}.lower_only{fill:var(--soft)}
rect.broken{fill:var(--alarm)}
.chart rect:hover{opacity:.65}
.tools{display:flex;flex-wrap:wrap;gap:.8rem;align-items:center;margin:0 0 .6rem}
.tools input{flex:0 1 22rem;padding:.42rem .7rem;border:1px solid var(--line);border-radius:6px;background:var(--card);
color:var(--ink);font:inherit}
.tools input:focus-visible,button:focus-visible,th:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.tools span{color:var(--soft);font-size:.85rem}
.scroll{overflow:auto;max-height:82vh;border:1px solid var(--line);border-radius:8px;background:var(--card)}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:.86rem}
th,td{padding:.36rem .7rem;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap;vertical-align:middle}
th{position:sticky;top:0;z-index:2;background:var(--card);color:var(--soft);font-weight:600;vertical-align:bottom;
line-height:1.25;white-space:normal}
th.sortable{cursor:pointer;user-select:none}
th.sortable:hover{color:var(--ink)}
th[aria-sort=ascending]::after{content:" \2191";color:var(--accent)}
th[aria-sort=descending]::after{content:" \2193";color:var(--accent)}
.right{text-align:right;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{position:sticky;left:0;background:var(--card)}
th:first-child{z-index:3}
td:first-child{z-index:1;max-width:30rem;overflow:hidden;text-overflow:ellipsis}
tbody tr:hover td{background:var(--hover)}
tbody:last-child tr:last-child td{border-bottom:0}
tr.part td{color:var(--soft)}
tr.part td:first-child{padding-left:2rem}
tbody.folded tr.part{display:none}
tbody.hidden{display:none}
tr.broken td{color:var(--alarm);background:var(--alarm-back);font-weight:600}
tr:target td{background:var(--hover);box-shadow:inset 0 2px var(--accent),inset 0 -2px var(--accent)}
button.fold{margin-right:.4rem;padding:0 .4rem;border:1px solid var(--line);border-radius:4px;background:none;
color:var(--soft);font:inherit;font-size:.78rem;cursor:pointer}
svg.bar{width:64px;height:8px;margin-right:.6rem;vertical-align:middle}
svg.bar .back{fill:var(--line)}
.value{display:inline-block;min-width:8em}
.sign-good{color:var(--good)}.sign-caution{color:var(--caution)}
ul.legend{margin:.8rem 0 0;padding:0;list-style:none;color:var(--soft);font-size:.84rem}
.graph{margin:0}
.graph figcaption{color:var(--soft);font-size:.84rem;margin:0 0 .2rem}
.graph-legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;align-items:center;margin:0 0 .7rem}
.graph-legend svg{vertical-align:-2px}
.strips{overflow:auto;max-height:82vh;padding:.8rem;border:1px solid var(--line);border-radius:8px;background:var(--card)}
.strips svg{display:block;margin:0 auto}
.graph .back{fill:var(--card)}
.flow{fill:none;stroke:var(--accent);stroke-opacity:.55}
.flow.unknown{stroke:var(--soft);stroke-dasharray:4 3}
.flow:hover{stroke-opacity:1}
.graph .tip{fill:var(--accent)}.graph .tip.unknown{fill:var(--soft)}
.box{stroke:var(--line);fill:none}
.box.more{fill:var(--caution);stroke:var(--caution)}.box.less{fill:var(--good);stroke:var(--good)}
.graph-legend .box{fill-opacity:.35}
.box.none{fill:var(--alarm-back);stroke:var(--alarm)}
.strips text{fill:var(--ink);font-size:12.5px}
.strips text.name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px}
.strips text.soft{fill:var(--soft);font-size:12px}
.strips text.figure,.strips text.total{text-anchor:end;font-variant-numeric:tabular-nums}
.strips text.figure{font-weight:600}.strips text.total{fill:var(--soft);font-size:12px}
details{margin:.4rem 0;border:1px solid var(--line);border-radius:8px;background:var(--card)}
summary{padding:.5rem .9rem;cursor:pointer}
summary b{display:inline-block;min-width:2.6rem;font-variant-numeric:tabular-nums}
details table{border-top:1px solid var(--line)}
details th,details td:first-child,details th:first-child{position:static}
footer{margin-top:2.4rem;padding-top:.9rem;border-top:1px solid var(--line);color:var(--soft);font-size:.84rem;
overflow-wrap:anywhere}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#234a9f;--good:#0b6b3a;
--caution:#8a5200;--alarm:#b00;--alarm-back:#fff}
@page{size:A3 landscape;margin:12mm}
body{max-width:none;padding:0;font-size:11px}.tools,button.fold{display:none}.scroll,.strips{overflow:visible;max-height:none}
.strips{border:0;padding:0;columns:2}.strips svg{break-inside:avoid;max-width:100%}
table{font-size:9px}th,td{padding:2px 4px;position:static!important}svg.bar{display:none}thead{display:table-header-group}
tr,.card{break-inside:avoid}td:first-child{max-width:none;white-space:normal;overflow-wrap:anywhere}}
)css";

inline constexpr std::string_view kScript = R"js(
(function () {
  "use strict";
  var table = document.getElementById("weights");
  if (!table) return;
  var bodies = Array.prototype.slice.call(table.tBodies);
  var headings = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var counter = document.getElementById("count");
  var filter = document.getElementById("filter");

  function key(body, index, numeric) {
    var value = body.rows[0].cells[index].getAttribute("data-v");
    if (!numeric) return value || "";
    return value === null || value === "" ? NaN : Number(value);
  }

  function sort(heading, index) {
    var numeric = heading.classList.contains("right");
    var now = heading.getAttribute("aria-sort");
    var down = now ? now === "ascending" : numeric;
    headings.forEach(function (other) { other.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    bodies.sort(function (a, b) {
      var x = key(a, index, numeric), y = key(b, index, numeric);
      if (numeric) {
        if (isNaN(x) || isNaN(y)) return (isNaN(x) ? 1 : 0) - (isNaN(y) ? 1 : 0);
        return x === y ? 0 : (x < y ? -1 : 1) * (down ? -1 : 1);
      }
      return x.localeCompare(y, undefined, { numeric: true }) * (down ? -1 : 1);
    });
    bodies.forEach(function (body) { table.appendChild(body); });
  }

  headings.forEach(function (heading, index) {
    heading.classList.add("sortable");
    heading.tabIndex = 0;
    heading.addEventListener("click", function () { sort(heading, index); });
    heading.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(heading, index); }
    });
  });

  function apply() {
    var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    bodies.forEach(function (body) {
      var text = body.rows[0].textContent.toLowerCase();
      var match = words.every(function (word) { return text.indexOf(word) >= 0; });
      body.classList.toggle("hidden", !match);
      if (match) shown += 1;
    });
    counter.textContent = shown + " of " + bodies.length + " weights";
  }
  filter.addEventListener("input", apply);
  document.getElementById("tools").hidden = false;
  apply();

  bodies.forEach(function (body) {
    var parts = body.rows.length - 1;
    if (parts === 0) return;
    var button = document.createElement("button");
    button.className = "fold";
    button.type = "button";
    function fold(folded) {
      body.classList.toggle("folded", folded);
      button.textContent = (folded ? "+" : "\u2212") + parts;
      button.setAttribute("aria-expanded", String(!folded));
      button.title = (folded ? "Show" : "Hide") + " the " + parts + " parts";
    }
    button.addEventListener("click", function () { fold(!body.classList.contains("folded")); });
    body.rows[0].cells[0].insertBefore(button, body.rows[0].cells[0].firstChild);
    fold(parts > 8);
  });
})();
)js";

}  // namespace sigmax::report
