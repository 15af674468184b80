// The Breaker tab. Locust's page makes the tab itself (its `extended_tabs`) and leaves it empty; this fills it.
// Everything comes from this server, and text from outside is only ever set as text.

const DATA = new URL("breaker.json", import.meta.url);
const BASE = new URL(".", import.meta.url);
const POLL_MS = 1000;
const WINDOW_S = 180;
const LABELS = { "2xx": "2xx", 429: "429 backend", shed: "shed by the gateway", other: "other error", broken: "broken 2xx", failed: "no answer" };
const STATES = {
  idle: "No run yet", preparing: "Preparing the target", running: "Running", ended: "Ended", failed: "Could not run",
};
const SVG = "http://www.w3.org/2000/svg";

const STYLE = `
:host { display: block; font: 400 0.9375rem/1.5 Roboto, Helvetica, Arial, sans-serif; color: var(--text);
  --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --panel: #f6f8fa; --good: #116329; --bad: #a40e26;
  --k-2xx: #009e73; --k-429: #e69f00; --k-shed: #0072b2; --k-other: #cc79a7; --k-broken: #a6761d; --k-failed: #d55e00; --open: #7f7f7f; }
:host([dark]) { --text: #e6edf3; --soft: #9da7b3; --line: #3d444d; --panel: #1e1e1e; --good: #56d364; --bad: #ff7b72;
  --k-2xx: #22b98d; --k-429: #f0b429; --k-shed: #4aa8e0; --k-other: #d998ba; --k-broken: #c9a227; --k-failed: #ee7733; --open: #a0a0a0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; margin-bottom: .75rem; }
header strong { font-size: 1.15rem; font-weight: 500; }
.load { margin: 0 0 .75rem; font-variant-numeric: tabular-nums; } .load strong { color: var(--bad); font-weight: 500; }
.soft { color: var(--soft); }
a { color: inherit; }
.report { margin-left: auto; }
a.report { font-weight: 500; }
.alert { border: 1px solid var(--bad); border-left-width: 5px; border-radius: 4px; padding: .6rem .9rem; margin: 0 0 1rem; }
h2 { font-size: 1rem; font-weight: 500; margin: 1.25rem 0 .5rem; }
ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .6rem; }
.breaker { border: 1px solid var(--line); border-left: 6px solid var(--good); border-radius: 6px; background: var(--panel);
  padding: .45rem .9rem; min-width: 11rem; }
.breaker.open { border-left-color: var(--bad); }
.breaker b { font-weight: 500; } .breaker .state { color: var(--good); font-weight: 700; }
.breaker.open .state { color: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0 0 .25rem; font-variant-numeric: tabular-nums; }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; vertical-align: -.05em; }
svg { display: block; width: 100%; height: 240px; font-size: 11px; }
svg text { fill: var(--soft); } .grid { stroke: var(--line); } .phase { stroke: var(--soft); stroke-dasharray: 3 3; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem 1.1rem .35rem 0; text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
`;

function make(parent, name, attributes = {}, text = null, space = null) {
  const node = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  parent.append(node);
  return node;
}

const draw = (parent, name, attributes, text = null) => make(parent, name, attributes, text, SVG);
const number = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const count = (value) => (value === null ? "–" : String(value));
const colour = (kind) => `var(--k-${kind})`;

// The next of 1, 2, 5, 10, 20 … at or above a value.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

class BreakerTab extends HTMLElement {
  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" });
      make(this.shadowRoot, "style", {}, STYLE);
      this.body = make(this.shadowRoot, "section", { "aria-label": "Breaker" });
    }
    this.poll();
    this.timer = setInterval(() => this.poll(), POLL_MS);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async poll() {
    this.toggleAttribute("dark", isDark());
    if (document.hidden) return;
    try {
      const answer = await fetch(DATA, { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      this.show(await answer.json());
    } catch {
      this.show({ state: "failed", failure: "Locust does not answer; is it still running?", report: { state: "none" } });
    }
  }

  show(data) {
    const fresh = document.createDocumentFragment();
    this.head(fresh, data);
    if (data.failure) make(fresh, "div", { class: "alert", role: "alert" }, `${data.failure} – see also Locust's terminal.`);
    if (data.breakers) {
      this.load(fresh, data);
      this.breakers(fresh, data);
      make(fresh, "h2", {}, "Answers per second");
      this.legend(fresh, data);
      this.chart(fresh, data);
      this.trips(fresh, data);
    } else if (data.state === "idle" || data.state === "preparing") {
      make(fresh, "p", { class: "soft" }, "What clients get each second, and each breaker's trips, show here during a run.");
    }
    const scrolled = this.body.querySelector(".scroll")?.scrollLeft ?? 0;
    this.body.replaceChildren(fresh);
    const scroll = this.body.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = scrolled;
  }

  head(parent, data) {
    const head = make(parent, "header");
    const phase = data.phase ? `: ${data.phase}` : "";
    make(head, "strong", { class: "state" }, `${STATES[data.state]}${phase}`);
    if (data.lab) {
      make(head, "span", {}, `${number(data.elapsed_s, 0)} of ${number(data.total_s, 0)} s`);
      make(head, "span", { class: "soft" }, `lab ${data.lab} · scenario ${data.scenario} · target ${data.target}`);
    }
    this.report(head, data.report);
  }

  // Whether the load is what the scenario asks for, so far.
  load(parent, data) {
    const { due, sent, dropped, configured_s, late_p99_ms } = data.load;
    if (!due) return;
    const whole = (n) => n.toLocaleString("en");
    const line = make(parent, "p", { class: "load" }, "Load: ");
    const rate = configured_s === null ? "" : `${number(configured_s, 1)}/s configured now · `;
    line.append(`${rate}${whole(sent)} of ${whole(due)} arrivals sent`);
    if (dropped) make(line, "strong", {}, ` · ${whole(dropped)} dropped because every user was busy`);
    if (late_p99_ms !== null) make(line, "span", { class: "soft" }, ` · 99 % at most ${number(late_p99_ms, 2)} ms late`);
  }

  report(head, report) {
    if (report.state === "done") {
      const attributes = { class: "report", href: new URL(report.path, BASE).href, target: "_blank" };
      make(head, "a", attributes, `Report of ${report.run}`);
    } else if (report.state === "making") {
      make(head, "span", { class: "report soft" }, "The report is being made …");
    } else if (report.state === "failed") {
      make(head, "span", { class: "report soft" }, `No report could be made of ${report.run}; see Locust's terminal`);
    }
  }

  breakers(parent, data) {
    make(parent, "h2", {}, data.source === "gateway" ? "Breakers" : "Breaker, as clients see it");
    const list = make(parent, "ul", { class: "breakers" });
    for (const each of data.breakers) {
      const item = make(list, "li", { class: each.open ? "breaker open" : "breaker" });
      make(item, "b", {}, each.backend);
      make(item, "span", { class: "soft" }, each.unit === null ? "" : ` unit ${each.unit}`);
      const line = make(item, "div");
      make(line, "span", { class: "state" }, each.open ? "open" : "closed");
      const left = each.closes_in_s === null ? "" : ` for ${number(each.closes_in_s, 1)} s more`;
      make(line, "span", { class: "soft" }, `${left} · ${each.trips} ${each.trips === 1 ? "trip" : "trips"}`);
    }
    if (!data.breakers.length) make(list, "li", { class: "soft" }, "No backend of this lab has a breaker.");
  }

  legend(parent, data) {
    const legend = make(parent, "div", { class: "legend" });
    for (const kind of data.kinds) {
      const total = data.totals[kind] ?? 0;
      if (!total && ["other", "broken", "failed"].includes(kind)) continue;
      const item = make(legend, "span", { "data-kind": kind });
      make(item, "i", { style: `background:${colour(kind)}` });
      item.append(`${LABELS[kind]} ${total}`);
    }
    make(make(legend, "span"), "i", { style: "background:var(--bad);height:.25em;vertical-align:.25em" }).after("a breaker open");
  }

  chart(parent, data) {
    const width = Math.max(this.clientWidth, 320), height = 240;
    const left = 44, right = width - 6, top = 22, bottom = height - 22;
    const last = Math.max(data.total_s, ...data.seconds.map((row) => row[0] + 1));
    const to = last <= WINDOW_S ? last : Math.max(data.elapsed_s, WINDOW_S);
    const from = last <= WINDOW_S ? 0 : to - WINDOW_S;
    const rows = data.seconds.filter((row) => row[0] + 1 > from && row[0] < to);
    const highest = nice(Math.max(1, ...rows.map((row) => row.slice(1).reduce((sum, n) => sum + n, 0))));
    const x = (second) => left + ((Math.min(Math.max(second, from), to) - from) / (to - from)) * (right - left);
    const y = (n) => bottom - (n / highest) * (bottom - top);
    const label = "Answers per second by kind, stacked; a red line above: a breaker is open";
    const svg = draw(parent, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    this.openBands(svg, data, x, top, bottom);
    for (const part of [0, 0.5, 1]) {
      draw(svg, "line", { class: "grid", x1: left, x2: right, y1: y(part * highest), y2: y(part * highest) });
      draw(svg, "text", { x: left - 6, y: y(part * highest) + 4, "text-anchor": "end" }, number(part * highest, highest < 2 ? 1 : 0));
    }
    for (const row of rows) this.bar(svg, data, row, x, y);
    this.phases(svg, data, x, top, bottom);
    const step = nice((to - from) / 8);
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      draw(svg, "text", { x: x(at), y: height - 6, "text-anchor": at === from ? "start" : at === to ? "end" : "middle" }, `${at} s`);
    }
  }

  bar(svg, data, row, x, y) {
    const group = draw(svg, "g", { class: "second" });
    const [second, ...counts] = row;
    const words = data.kinds.map((kind, n) => (counts[n] ? `${LABELS[kind]} ${counts[n]}` : null)).filter(Boolean);
    draw(group, "title", {}, `${second} to ${second + 1} s: ${words.join(", ")}`);
    const width = Math.max(x(second + 1) - x(second) - 1, 1);
    let below = 0;
    counts.forEach((n, index) => {
      if (!n) return;
      const attributes = { x: x(second), width, y: y(below + n), height: y(below) - y(below + n) };
      draw(group, "rect", { ...attributes, style: `fill:${colour(data.kinds[index])}`, "data-kind": data.kinds[index] });
      below += n;
    });
  }

  openBands(svg, data, x, top, bottom) {
    for (const trip of data.trips) {
      const end = trip.open_s === null ? data.elapsed_s : trip.tripped_s + trip.open_s;
      const width = Math.max(x(end) - x(trip.tripped_s), 0);
      draw(svg, "rect", { class: "band", x: x(trip.tripped_s), width, y: top, height: bottom - top,
        style: "fill:var(--open);fill-opacity:.22" });
      draw(svg, "rect", { class: "strip", x: x(trip.tripped_s), width, y: top - 3, height: 4, style: "fill:var(--bad)" });
    }
  }

  phases(svg, data, x, top, bottom) {
    for (const phase of data.phases) {
      if (x(phase.end_s) <= x(phase.begin_s)) continue;
      if (phase.begin_s > 0) draw(svg, "line", { class: "phase", x1: x(phase.begin_s), x2: x(phase.begin_s), y1: 4, y2: bottom });
      draw(svg, "text", { x: x(phase.begin_s) + 4, y: 14 }, phase.name);
    }
  }

  trips(parent, data) {
    make(parent, "h2", {}, "Trips so far");
    if (!data.trips.length) {
      make(parent, "p", { class: "soft" }, "None.");
      return;
    }
    const table = make(make(parent, "div", { class: "scroll" }), "table");
    const head = make(make(table, "thead"), "tr");
    const names = ["Backend", "Unit", "Tripped at (s)", "Time to trip (s)", "Failures", "Open for (s)", "Set to (s)", "First 2xx after (s)", "429", "sheds"];
    names.forEach((name) => make(head, "th", { scope: "col" }, name));
    const body = make(table, "tbody");
    for (const trip of data.trips) {
      const row = make(body, "tr");
      const half = trip.half_width_s > 0 ? ` ± ${number(trip.half_width_s, 3)}` : "";
      const open = trip.open_s === null ? "still open" : number(trip.open_s, 3);
      [trip.backend, count(trip.unit), number(trip.tripped_s, 3) + half, number(trip.time_to_trip_s, 3), count(trip.failures),
        open, number(trip.configured_s, 3), number(trip.recovery_latency_s, 3), count(trip.throttled), count(trip.shed),
      ].forEach((cell) => make(row, "td", {}, cell));
    }
    const whose = data.source === "gateway"
      ? "Trips and open times are the gateway's own account. "
      : "Trips are as clients saw them, all backends and units as one. ";
    make(parent, "p", { class: "soft" }, `${whose}The report times every trip from the recorded requests.`);
  }
}

// Locust's page has its own switch for light and dark, and sets the page's colour by it.
function isDark() {
  const parts = getComputedStyle(document.body).backgroundColor.match(/\d+(\.\d+)?/g);
  return parts !== null && (Number(parts[0]) + Number(parts[1]) + Number(parts[2])) / 3 < 128;
}

function selectedTab() {
  return document.querySelector('[role="tab"][aria-selected="true"]')?.textContent.trim();
}

// Locust shows and removes what belongs to a tab; ours is put beside it while the tab is chosen.
function mount() {
  const shown = document.querySelector("tripcurve-breaker");
  const place = document.querySelector(".MuiTabs-root")?.closest(".MuiContainer-root");
  if (selectedTab() === "Breaker" && place) {
    if (!shown) place.append(document.createElement("tripcurve-breaker"));
  } else if (shown) {
    shown.remove();
  }
  openOptions();
}

// Lab, scenario and target are what a run is started with: they are not to be searched for behind a fold.
let optionsOpened = false;
function openOptions() {
  const summaries = [...document.querySelectorAll(".MuiAccordionSummary-root")];
  const ours = summaries.find((each) => each.textContent.includes("Custom parameters"));
  if (!ours) optionsOpened = false;
  else if (!optionsOpened) {
    optionsOpened = true;
    if (ours.getAttribute("aria-expanded") === "false") ours.click();
  }
}

customElements.define("tripcurve-breaker", BreakerTab);
new MutationObserver(mount).observe(document.getElementById("root"), {
  childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"],
});
document.addEventListener("click", () => setTimeout(() => {
  document.querySelector("tripcurve-breaker")?.toggleAttribute("dark", isDark());
}, 50));
mount();
